"""Tests of the embedded room: a real Postgres, also after things went wrong."""

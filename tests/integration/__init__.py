"""Tests with real files, a real Postgres and real sockets."""

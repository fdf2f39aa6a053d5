"""Tests of the migrations room."""

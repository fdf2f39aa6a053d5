"""Tests of the adopting room."""

"""The hub on a real Postgres, held against the pure rules."""

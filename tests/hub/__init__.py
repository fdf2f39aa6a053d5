"""The hub's pure parts; the others are in tests/integration/hub."""

"""SQLite on the device: capture, applying deltas, the sync engine, and the library that apps
use."""

"""Tests of the replication room: no disk, no socket."""

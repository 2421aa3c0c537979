"""The HTTP API: calls are placed, looked at and ended by clients that have a key."""

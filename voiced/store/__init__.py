"""What survives a restart: the guard's counts, idempotency keys and the calls that are over, in one SQLite file."""

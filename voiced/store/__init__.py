"""What survives a restart, in one SQLite file: counts, numbers that opted out, idempotency keys, past calls."""

"""Seeing how the daemon is: what it counts, whether it can take another call, what it tells its operator."""

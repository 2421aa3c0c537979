"""Other daemons with the same data directory: they ask us for calls, and we ask them."""

"""What is wrong with how the daemon is set up in the world: checks, each with what it found and what to do."""

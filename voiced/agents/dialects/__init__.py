"""What the vendors' sockets speak, and what it means: pure, a wire a family of files."""

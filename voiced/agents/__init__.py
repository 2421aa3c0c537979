"""Who can take the line: the driver for every vendor's socket, their dialects, and an agent of our own."""

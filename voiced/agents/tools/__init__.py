"""What a live agent may do besides talking: a file a tool."""

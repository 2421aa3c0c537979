"""How the local agent talks: whose turn it is, what is said, and what was heard of it."""

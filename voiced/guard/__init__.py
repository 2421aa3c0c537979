"""Who may be called, and who may call; how often, how long and for how much money."""

"""What the doubles of the agents' vendors are made of."""

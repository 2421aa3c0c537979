"""What the YAML files say, checked whole before the first caller is."""

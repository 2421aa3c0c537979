"""What the local agent thinks with: rules, or any chat endpoint."""

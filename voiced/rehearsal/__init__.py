"""Scenarios: calls that are written down beside the flows, and played in memory to see whether they go so."""

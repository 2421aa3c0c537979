"""Knows bytes, not calls."""

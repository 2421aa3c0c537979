"""Looks at flows that are read: what nothing sets, and what works and nobody can have meant. A file a finding."""

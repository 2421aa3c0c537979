"""Drawings of flows: what is drawn, as Mermaid and as graphviz writes it."""

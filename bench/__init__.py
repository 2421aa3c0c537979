"""Measures what the tests do not: times, on this machine, with its load noted. `make bench`."""

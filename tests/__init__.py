"""The tests of voiced; run them with `make test`."""

"""The tests of voiced; run them with `make test`."""

from hypothesis import settings

# A slow machine is no finding: what takes how long is measured in bench/.
settings.register_profile("voiced", deadline=None)
settings.load_profile("voiced")

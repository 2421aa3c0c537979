"""The tests of voiced; run them with `make test`."""

import os

import txaio
from hypothesis import settings
from twisted.internet.task import Clock

# A slow machine is no finding: what takes how long is measured in bench/.
settings.register_profile("voiced", deadline=None)
# What is covered is covered by a few examples of each, and each time by the same: `make coverage`.
settings.register_profile("brief", deadline=None, max_examples=10, derandomize=True)
settings.load_profile(os.environ.get("VOICED_EXAMPLES", "voiced"))

# Autobahn's time limits are on a clock that stands still, unless a test gives it its own (`tell_autobahn`): on the
# reactor those of one test would still be there in the next one.
txaio.use_twisted()
txaio.config.loop = Clock()

"""Which settings and flows a call follows, when they were loaded, and what a reload has done."""

from __future__ import annotations

import attrs


@attrs.frozen
class Version:
    """A version of the settings and flows. The same files have the same hash, whenever and wherever they are."""

    hash: str = ""
    """Twelve hexadecimal digits, of the SHA-256 of the files; "" for a program that comes from none."""
    loaded: float = 0.0
    """Seconds since the epoch."""


@attrs.frozen
class Reloaded:
    """What a reload has done: new calls follow `version`."""

    before: Version
    version: Version
    flows: tuple[str, ...]
    """The flows that there are now, sorted."""
    restart: tuple[str, ...] = ()
    """Names of settings that are others now, and hold from the next start only."""

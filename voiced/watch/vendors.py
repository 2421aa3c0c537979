"""Whether a vendor is dead: failures of each voice and agent, one after the other, with no success between."""

from __future__ import annotations

from typing import Literal

from voiced.watch.trouble import VENDOR_FAILURES, VENDOR_SECONDS, Trouble

Part = Literal["voice", "agent"]


class Vendors:
    """Counts them by name. Names are those of voiced.yaml, so there are few."""

    def __init__(self) -> None:
        self._failed: dict[tuple[Part, str], list[float]] = {}

    def failed(self, part: Part, name: str, kind: str, call: str, now: float) -> Trouble | None:
        """It has failed once more, in a way of voiced.iwatch; the trouble that it is in by that, if it is."""
        if kind == "quota":
            return Trouble("quota", f"The {part} {name} has no quota left at its vendor.", call, name)
        lately = [at for at in self._failed.get((part, name), []) if now - at < VENDOR_SECONDS] + [now]
        if len(lately) < VENDOR_FAILURES:
            self._failed[part, name] = lately
            return None
        del self._failed[part, name]
        minutes = VENDOR_SECONDS / 60
        text = f"The {part} {name} has failed {VENDOR_FAILURES} times within {minutes:.0f} minutes, at last: {kind}."
        return Trouble(part, text, call, name)

    def well(self, part: Part, name: str, since: float) -> None:
        """It was well then: what failed before is over."""
        later = [at for at in self._failed.pop((part, name), []) if at > since]
        if later:
            self._failed[part, name] = later

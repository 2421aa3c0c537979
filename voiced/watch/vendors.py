"""Whether a vendor is dead: failures of each voice and agent, one after the other, with no success between."""

from __future__ import annotations

from typing import Literal

from voiced.watch.trouble import VENDOR_FAILURES, VENDOR_SECONDS, Kind, Trouble

Part = Literal["voice", "agent"]


class Vendors:
    """Counts them by name. Names are those of voiced.yaml, so there are few."""

    def __init__(self) -> None:
        self._failed: dict[tuple[Part, str], list[float]] = {}
        self._broken: dict[tuple[Part, str, Kind], float] = {}
        """What is in trouble since when: since then nobody has found it well."""

    def failed(self, part: Part, name: str, kind: str, call: str, now: float) -> Trouble | None:
        """It has failed once more, in a way of voiced.iwatch; the trouble that it is in by that, if it is."""
        if kind == "quota":
            text = f"The {part} {name} has no quota left at its vendor."
            return self._trouble(part, Trouble("quota", text, call, name), now)
        lately = [at for at in self._failed.get((part, name), []) if now - at < VENDOR_SECONDS] + [now]
        if len(lately) < VENDOR_FAILURES:
            self._failed[part, name] = lately
            return None
        del self._failed[part, name]
        minutes = VENDOR_SECONDS / 60
        text = f"The {part} {name} has failed {VENDOR_FAILURES} times within {minutes:.0f} minutes, at last: {kind}."
        return self._trouble(part, Trouble(part, text, call, name), now)

    def well(self, part: Part, name: str, since: float) -> None:
        """It was well then: what failed before is over."""
        later = [at for at in self._failed.pop((part, name), []) if at > since]
        if later:
            self._failed[part, name] = later
        self._broken = {about: at for about, at in self._broken.items() if about[:2] != (part, name) or at > since}

    def stands(self, trouble: Trouble) -> bool:
        """Whether who is in this trouble has not been well since."""
        return any((kind, name) == (trouble.kind, trouble.who) for _, name, kind in self._broken)

    def _trouble(self, part: Part, trouble: Trouble, now: float) -> Trouble:
        self._broken[part, trouble.who, trouble.kind] = now
        return trouble

"""Who is in which part of the flows: places that calls take one after the other, and that a part may have few of."""

from __future__ import annotations

from collections import defaultdict

import attrs


@attrs.define
class Parts:
    """The calls in each part, in the order in which they came."""

    _calls: defaultdict[str, list[str]] = attrs.field(factory=lambda: defaultdict(list))

    def __len__(self) -> int:
        """How many places are taken: none, when all calls are over."""
        return sum(map(len, self._calls.values()))

    def enter(self, part: str, call_sid: str, most: int | None = None) -> int | None:
        """The call's number among those in the part, from 1; it keeps the place that it has. None: it is full."""
        inside = self._calls[part]
        if call_sid not in inside:
            if most is not None and len(inside) >= most:
                return None
            inside.append(call_sid)
        return inside.index(call_sid) + 1

    def leave(self, part: str, call_sid: str) -> None:
        """It is not in this part any more, if it was."""
        if call_sid in self._calls[part]:
            self._calls[part].remove(call_sid)

    def over(self, call_sid: str) -> None:
        """It is nowhere any more."""
        for part in list(self._calls):
            self.leave(part, call_sid)
            if not self._calls[part]:
                del self._calls[part]

"""How many of something there are at this moment, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import attrs
from zope.interface import implementer

from voiced.iguard import IPermit


class Places:
    """Places that are taken; a name that nobody has a place under takes no memory."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._taken.total()

    def taken(self, name: str) -> int:
        """How many there are under this name."""
        return self._taken.get(name, 0)

    def take(self, *names: str) -> None:
        """One more under each of these."""
        self._taken.update(names)

    def leave(self, *names: str) -> None:
        """One less under each of these."""
        self._taken.subtract(names)
        for name in names:
            if not self._taken[name]:
                del self._taken[name]


@implementer(IPermit)
class Permit:
    """A call, or something on one, that may be, for so many seconds."""

    def __init__(self, seconds: int, settle: Callable[[float | None], None]) -> None:
        self.seconds = seconds
        self._settle: Callable[[float | None], None] | None = settle

    def over(self, talked: float | None) -> None:
        """See IPermit. Only the first time counts."""
        settle, self._settle = self._settle, None
        if settle is not None:
            settle(talked)


@attrs.frozen
class Limit:
    """At most so many at once under a name."""

    rule: str
    name: str
    most: int

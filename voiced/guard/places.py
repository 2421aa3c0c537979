"""How many of something there are at this moment, by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

import attrs
from zope.interface import implementer

from voiced.iguard import Charged, IPermit


class Places:
    """Places that are taken; a name that nobody has a place under takes no memory. Whatever changes is told:
    `changed(name, how many)`."""

    def __init__(self, changed: Callable[[str, int], object] = lambda name, taken: None) -> None:
        self._taken: Counter[str] = Counter()
        self._changed = changed

    def __len__(self) -> int:
        return self._taken.total()

    def taken(self, name: str) -> int:
        """How many of ours there are under this name."""
        return self._taken.get(name, 0)

    def take(self, *names: str) -> None:
        """One more under each of these."""
        self._taken.update(names)
        self._tell(names)

    def leave(self, *names: str) -> None:
        """One less under each of these."""
        self._taken.subtract(names)
        for name in names:
            if not self._taken[name]:
                del self._taken[name]
        self._tell(names)

    def _tell(self, names: Iterable[str]) -> None:
        for name in names:
            self._changed(name, self.taken(name))


@implementer(IPermit)
class Permit:
    """A call, or something on one, that may be, for so many seconds. `settle(talked)` is what `over` does, and
    `leave` what is done instead."""

    def __init__(
        self,
        seconds: int,
        settle: Callable[[float | None], None],
        leave: Callable[[], None] = lambda: None,
        charged: tuple[Charged, ...] = (),
    ) -> None:
        self.seconds = seconds
        self.charged = charged
        self._settle: Callable[[float | None], None] | None = settle
        self._leave = leave

    def over(self, talked: float | None) -> None:
        """See IPermit. Only the first time counts."""
        settle, self._settle = self._settle, None
        if settle is not None:
            settle(talked)

    def leave(self) -> None:
        """See IPermit."""
        settle, self._settle = self._settle, None
        if settle is not None:
            self._leave()


@attrs.frozen
class Limit:
    """At most so many at once under a name."""

    rule: str
    name: str
    most: int

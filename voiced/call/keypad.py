"""The caller's keys: each goes to whoever listens, or waits for one who will (type-ahead)."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime

from voiced.errors import FlowError

MOST_KEYS = 64
"""Keys kept for steps to come; more are from no human."""


class Keypad:
    """Keys in the order they were pressed."""

    def __init__(
        self, clock: IReactorTime, taken: Callable[[str, float], object] = lambda key, pressed: None
    ) -> None:
        """`taken(key, pressed)` is told of each key that somebody takes, and when it was pressed."""
        self._clock = clock
        self._taken = taken
        self._keys: list[tuple[str, float]] = []
        self._listener: Deferred[str | None] | None = None

    def __len__(self) -> int:
        return len(self._keys)

    def press(self, key: str) -> None:
        """A key was pressed; whoever listens gets it by `hand_over`."""
        self._keys.append((key, self._clock.seconds()))
        del self._keys[:-MOST_KEYS]

    def put_back(self, keys: str) -> None:
        """These were pressed before all others, and nothing has come of them."""
        now = self._clock.seconds()
        self._keys[:0] = [(key, now) for key in keys]
        del self._keys[MOST_KEYS:]

    def clear(self) -> None:
        """Those that wait are for nobody."""
        self._keys.clear()

    @property
    def waiting(self) -> str:
        """The keys that nobody has taken yet."""
        return "".join(key for key, _ in self._keys)

    def hand_over(self) -> None:
        """Give the first key that waits to whoever listens."""
        if self._listener is not None and self._keys:
            listener, self._listener = self._listener, None
            listener.callback(self._take())

    def listen(self, timeout: float) -> Deferred[str | None]:
        """Fires with the first key that waits, the next within `timeout` seconds, or None. One listener at a time."""
        if self._listener is not None:
            return fail(FlowError("two steps listen for keys at once"))
        if self._keys:
            return succeed(self._take())
        listener: Deferred[str | None] = Deferred(self._gone)
        self._listener = listener
        return listener.addTimeout(timeout, self._clock, lambda *_: None)

    def _take(self) -> str:
        key, pressed = self._keys.pop(0)
        self._taken(key, pressed)
        return key

    def _gone(self, listener: object) -> None:
        self._listener = None

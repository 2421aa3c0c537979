"""The call sheet: what happened on a call, as it happens, in order, for tests to read and for people to watch."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime


@frozen
class Entry:
    """One line of the sheet."""

    time: float
    """Seconds since the call began."""
    who: str
    """caller, twilio or daemon."""
    what: str
    detail: str
    since_caller_ms: int
    """Milliseconds since the caller's last act: the ring, a key, the end of what was said."""

    def __str__(self) -> str:
        waited = f"+{self.since_caller_ms} ms"
        return f"{self.time:8.2f} s  {waited:>10}  {self.who:<7} {self.what:<10} {self.detail}".rstrip()


@frozen
class Alert:
    """What Twilio's debugger would show."""

    code: int
    text: str
    level: str = "warning"
    """error, warning or info."""


@frozen
class Mark:
    """A mark that came back."""

    name: str
    time: float
    """Seconds since the call began."""
    played: bool
    """False if a clear sent it back before the audio in front of it had been heard."""


@define(eq=False)
class Sheet:
    """The entries of one call, its alerts and its marks."""

    _clock: IReactorTime
    began: float = field(init=False)
    entries: list[Entry] = field(factory=list)
    alerts: list[Alert] = field(factory=list)
    marks: list[Mark] = field(factory=list)
    on_entry: Callable[[Entry], object] | None = None
    """Called with each entry as it is made."""
    _caller_acted: float = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.began = self._caller_acted = self._clock.seconds()

    @property
    def time(self) -> float:
        """Seconds since the call began."""
        return self._clock.seconds() - self.began

    def note(self, who: str, what: str, detail: object = "") -> None:
        waited = max(0.0, self._clock.seconds() - self._caller_acted)
        entry = Entry(round(self.time, 6), who, what, str(detail), round(waited * 1000))
        self.entries.append(entry)
        if self.on_entry is not None:
            self.on_entry(entry)

    def caller(self, what: str, detail: object = "", until: float | None = None) -> None:
        """The caller acts, and goes on until that moment of the clock."""
        self.note("caller", what, detail)
        self._caller_acted = max(self._caller_acted, self._clock.seconds() if until is None else until)

    def alert(self, code: int, text: str, level: str = "warning") -> None:
        self.alerts.append(Alert(code, text, level))
        self.note("twilio", level, f"{code} {text}")

    def mark(self, name: str, played: bool) -> None:
        self.marks.append(Mark(name, round(self.time, 6), played))
        self.note("twilio", "mark", name if played else f"{name} (cleared)")

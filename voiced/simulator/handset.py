"""The human's end of a call: what they hear, say and press, and the sheet of what happened."""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from voiced.simulator.account import Account
from voiced.simulator.line import Leg
from voiced.simulator.mulaw import RATE, SILENCE
from voiced.simulator.sheet import Alert, Entry, Mark, Sheet
from voiced.simulator.stream import MediaStream, StreamOrder
from voiced.simulator.tape import Tape


@define(eq=False, kw_only=True)
class Handset:
    """One human on one call. Audio is mu-law, 8000 bytes a second."""

    account: Account
    _leg: Leg
    _record: Sheet
    streams: list[MediaStream] = field(factory=list)
    answered_at: float | None = None
    """Clock time of the answer."""
    ended_at: float | None = None
    """Clock time of the end."""
    _twilio_audio: Tape = field(factory=Tape)

    @property
    def rang_at(self) -> float:
        """Clock time when the call began: of the ring, or of the request that placed it."""
        return self._record.began

    @property
    def over(self) -> bool:
        return self.ended_at is not None

    @property
    def sheet(self) -> list[Entry]:
        """What happened, in order."""
        return self._record.entries

    @property
    def warnings(self) -> list[Alert]:
        """What Twilio's debugger would show, of every level."""
        return self._record.alerts

    @property
    def marks(self) -> list[Mark]:
        """The marks that came back, of all streams."""
        return self._record.marks

    @property
    def on_entry(self) -> Callable[[Entry], object] | None:
        """Called with each new entry of the sheet."""
        return self._record.on_entry

    @on_entry.setter
    def on_entry(self, observer: Callable[[Entry], object] | None) -> None:
        self._record.on_entry = observer

    @property
    def stream(self) -> MediaStream | None:
        """The stream that is open, or was last."""
        return self.streams[-1] if self.streams else None

    @property
    def heard(self) -> bytes:
        """What the human has heard since the answer, silence where nothing played (and where <Say> spoke)."""
        tape = bytearray(self._twilio_audio.read(0, self._since_answer()))
        for stream in self.streams:
            if stream.player is not None:
                sound = stream.player.heard
                at = round((stream.player.born - (self.answered_at or 0)) * RATE)
                tape[at : at + len(sound)] = sound
        return bytes(tape[: self._since_answer()]).ljust(self._since_answer(), SILENCE)

    @property
    def spoken(self) -> bytes:
        """What the human has said since the answer, before the line's noise."""
        if self.answered_at is None:
            return b""
        start = round((self.answered_at - self._leg.born) * RATE)
        return self._leg.said_between(start, start + self._since_answer())

    def press(self, digits: str) -> None:
        """The human presses these keys."""
        for digit in digits:
            self._record.caller("presses", digit)
            if self.stream is not None and self.stream.live:
                self.stream.press(digit)

    def speak(self, mulaw: bytes, words: str = "") -> None:
        """The human says this, after what is being said; `words` are for the sheet."""
        detail = f"{len(mulaw) / RATE:.2f} s {words}".rstrip()
        self._record.caller("speaks", detail, until=self._leg.speak(mulaw))

    def open_stream(self, order: StreamOrder) -> MediaStream:
        stream = MediaStream(self.account, self._record, self._leg, order)
        self.streams.append(stream)
        return stream

    def sound(self, mulaw: bytes) -> None:
        """The carrier itself plays this to the human."""
        self._twilio_audio.put(self._since_answer(), mulaw)

    def quiet(self) -> None:
        """The carrier itself stops playing."""
        self._twilio_audio.cut(self._since_answer())

    def note(self, who: str, what: str, detail: object = "") -> None:
        self._record.note(who, what, detail)

    def alert(self, alert: Alert) -> None:
        self._record.alert(alert.code, alert.text, alert.level)

    def _since_answer(self) -> int:
        """Samples since the answer."""
        if self.answered_at is None:
            return 0
        until = self.account.clock.seconds() if self.ended_at is None else self.ended_at
        return round((until - self.answered_at) * RATE)

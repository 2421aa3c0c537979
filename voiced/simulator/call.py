"""One simulated telephone call: what the caller can do, and everything that can be seen of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from enum import StrEnum
from typing import Any

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.simulator.account import Account
from voiced.simulator.courier import Courier, rfc2822
from voiced.simulator.line import Leg
from voiced.simulator.mulaw import RATE, SILENCE
from voiced.simulator.number import Number, Start
from voiced.simulator.sheet import Alert, Entry, Mark, Sheet
from voiced.simulator.stream import MediaStream, StreamOrder
from voiced.simulator.tape import Tape
from voiced.simulator.twiml import Dial
from voiced.simulator.webhook import Webhooks

_log = Logger()


class Ended(StrEnum):
    """Why the carrier says that a call is over."""

    CALLER = "the caller hung up"
    HANGUP = "<Hangup>"
    DOCUMENT = "the document came to its end"
    REJECTED = "<Reject>"
    BUSY = '<Reject reason="busy">'
    REST = "completed through the REST API"
    ERROR = "application error"


STATUS = {Ended.REJECTED: "no-answer", Ended.BUSY: "busy"}
"""The CallStatus of ends that are not `completed`."""


@define(eq=False)
class SimulatedCall:
    """A call. Audio is mu-law, 8000 bytes a second; times are seconds since the ring unless said otherwise."""

    account: Account
    webhooks: Webhooks
    courier: Courier
    number: Number
    from_: str
    _leg: Leg
    _record: Sheet
    _walk: Callable[[SimulatedCall, Start], Coroutine[Deferred[Any], Any, Ended]]
    _extra: Mapping[str, str] = field(factory=dict)
    sid: str = field(init=False)
    status: str = "ringing"
    """Twilio's CallStatus."""
    ended: Deferred[Ended] = field(factory=Deferred)
    """Fires when Twilio says that the call is over."""
    streams: list[MediaStream] = field(factory=list)
    twiml: list[str] = field(factory=list)
    """Every document the daemon answered."""
    said: list[str] = field(factory=list)
    """What <Say> spoke."""
    played: list[str] = field(factory=list)
    """What <Play> played."""
    dialed: list[Dial] = field(factory=list)
    answered_at: float | None = None
    """Clock time of the answer."""
    ended_at: float | None = None
    """Clock time of the end."""
    _twilio_audio: Tape = field(factory=Tape)
    _road: Deferred[None] | None = None

    def __attrs_post_init__(self) -> None:
        self.sid = self.account.new_sid("CA")
        self._record.caller("rings", f"{self.number.number} from {self.from_}")

    @property
    def to(self) -> str:
        return self.number.number

    @property
    def rang_at(self) -> float:
        """Clock time of the ring."""
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
        """What the caller has heard since the answer, silence where nothing played (and where <Say> spoke)."""
        tape = bytearray(self._twilio_audio.read(0, self._since_answer()))
        for stream in self.streams:
            if stream.player is not None:
                sound = stream.player.heard
                at = round((stream.player.born - (self.answered_at or 0)) * RATE)
                tape[at : at + len(sound)] = sound
        return bytes(tape[: self._since_answer()]).ljust(self._since_answer(), SILENCE)

    @property
    def spoken(self) -> bytes:
        """What the caller has said since the answer, before the line's noise."""
        if self.answered_at is None:
            return b""
        start = round((self.answered_at - self._leg.born) * RATE)
        return self._leg.said_between(start, start + self._since_answer())

    def press(self, digits: str) -> None:
        """The caller presses these keys."""
        for digit in digits:
            self._record.caller("presses", digit)
            if self.stream is not None and self.stream.live:
                self.stream.press(digit)

    def speak(self, mulaw: bytes, words: str = "") -> None:
        """The caller says this, after what is being said; `words` are for the sheet."""
        detail = f"{len(mulaw) / RATE:.2f} s {words}".rstrip()
        self._record.caller("speaks", detail, until=self._leg.speak(mulaw))

    def hang_up(self) -> None:
        """The caller hangs up."""
        if not self.over:
            self._record.caller("hangs up")
            self.end(Ended.CALLER, "completed" if self.answered_at is not None else "canceled")

    def form(self, **more: str) -> dict[str, str]:
        """The form of every webhook about this call."""
        country = {"FromCountry": "US", "ToCountry": "US", "CallerCountry": "US", "CalledCountry": "US"}
        return {
            "CallSid": self.sid,
            "AccountSid": self.account.sid,
            "From": self.from_,
            "To": self.to,
            "Caller": self.from_,
            "Called": self.to,
            "CallStatus": self.status,
            "ApiVersion": "2010-04-01",
            "Direction": "inbound",
            **country,
            **self._extra,
            **more,
        }

    def begin(self, start: Start) -> None:
        """Walk from there, leaving the document that was being walked."""
        self._leave()
        self._road = Deferred.fromCoroutine(self._walk(self, start)).addCallbacks(self.end, self._broke)

    def answer(self) -> None:
        """The call is answered: it costs from now on."""
        if self.answered_at is None:
            self.answered_at = self.account.clock.seconds()
            self.status = "in-progress"
            self.note("twilio", "answers")

    def open_stream(self, order: StreamOrder) -> MediaStream:
        stream = MediaStream(self.account, self._record, self._leg, order)
        self.streams.append(stream)
        return stream

    def sound(self, mulaw: bytes) -> None:
        """The carrier itself plays this to the caller."""
        self._twilio_audio.put(self._since_answer(), mulaw)

    def quiet(self) -> None:
        """The carrier itself stops playing."""
        self._twilio_audio.cut(self._since_answer())

    def note(self, who: str, what: str, detail: object = "") -> None:
        self._record.note(who, what, detail)

    def alert(self, alert: Alert) -> None:
        self._record.alert(alert.code, alert.text, alert.level)

    def end(self, why: Ended, status: str = "") -> None:
        """The call is over; once. Every end has its usual CallStatus."""
        if self.over:
            return
        self.status = status or STATUS.get(why, "completed")
        self.ended_at = self.account.clock.seconds()
        self._leave()
        self.note("twilio", "ended", why)
        self._tell_status()
        self.ended.callback(why)

    def _tell_status(self) -> None:
        if self.number.status_url is None:
            return
        seconds = int((self.ended_at or 0) - self.answered_at) if self.answered_at is not None else 0
        more = {
            "CallDuration": str(seconds),
            "Duration": str(-(-seconds // 60)),
            "Timestamp": rfc2822(self.ended_at),
            "SequenceNumber": "0",
            "CallbackSource": "call-progress-events",
        }
        self.courier.send(f"status {self.status}", self.number.status_url, self.form(**more))

    def _leave(self) -> None:
        road, self._road = self._road, None
        if road is not None:
            road.cancel()
        self.quiet()

    def _broke(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            _log.failure("the simulated call broke", failure)
            self.end(Ended.ERROR, "failed")

    def _since_answer(self) -> int:
        """Samples since the answer."""
        if self.answered_at is None:
            return 0
        until = self.account.clock.seconds() if self.ended_at is None else self.ended_at
        return round((until - self.answered_at) * RATE)

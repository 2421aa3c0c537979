"""Notices trouble that an operator is to be rung for, in what a watch is told: voiced.watch.trouble has the rules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from voiced.call.records import DEPARTED, AgentRecord, CallRecord
from voiced.call.retelling import retold
from voiced.ioperator import NO_TROUBLE
from voiced.iwatch import IWatch
from voiced.watch.endings import FAILURES, Endings
from voiced.watch.trouble import KILLED_CALLS, PLACES, Trouble
from voiced.watch.vendors import Part, Vendors

NO_FAULT = ("silent",)
"""Kinds of failure that say nothing of a vendor: a text that gives no sound."""


class Bell(Protocol):
    """Who rings the operator."""

    def notice(self, trouble: Trouble) -> None:
        """There is trouble."""

    def is_ours(self, record: CallRecord) -> bool:
        """Whether the call is one to the operator: nothing that happens on it is trouble."""

    def ended(self, record: CallRecord) -> None:
        """A call to the operator is over."""


@implementer(IWatch)
class Noticing:
    """Passes all that it is told on to `watch`, and tells `bell` of trouble.

    `live(call_sid)`: the record of a call that lives, or None.
    """

    def __init__(
        self, watch: IWatch, clock: IReactorTime, bell: Bell, live: Callable[[str], CallRecord | None]
    ) -> None:
        self.lag = watch.lag
        self.traffic = watch.traffic
        self._watch = watch
        self._clock = clock
        self._bell = bell
        self._live = live
        self._vendors = Vendors()
        self._endings = Endings()
        self._broken: frozenset[str] = frozenset()
        """The words of PLACES that held at the last look."""
        self._last: Trouble | None = None
        self._record = ("", "")
        """The last call that failed, or that the last trouble befell: its SID, and its record in sentences."""

    def report(self) -> Mapping[str, str]:
        """See IOperator."""
        call, record = self._record
        if self._last is None:
            return {"kind": NO_TROUBLE, "text": "No trouble is known.", "call": call, "record": record}
        lives = self._live(self._last.call)
        if lives is not None:
            call, record = self._last.call, retold(lives)
        return {"kind": self._last.kind, "text": self._last.text, "call": call, "record": record}

    def look(self, words: Collection[str]) -> None:
        """These words say what is wrong now (voiced.watch.health): each that is new is trouble."""
        broken = frozenset(words) & frozenset(PLACES)
        new, self._broken = broken - self._broken, broken
        for word in sorted(new):
            self._tell(PLACES[word])

    def stands(self, trouble: Trouble) -> bool:
        """Whether it is still so, for all that is known: a word holds at the last look, nobody has found the voice or
        agent well since, calls still fail. That calls outlived their daemon has happened, and stands."""
        if trouble.kind == "killed":
            return True
        if trouble.kind in PLACES:
            return trouble.kind in self._broken
        return self._endings.bad if trouble.kind == "errors" else self._vendors.stands(trouble)

    def outlived(self, calls: int) -> None:
        """So many calls live on that the daemon before was killed under: of many, somebody should know."""
        if calls >= KILLED_CALLS:
            text = f"The daemon was killed under {calls} live calls, or has crashed. They go on with the next one."
            self._tell(Trouble("killed", text))

    # What happens (IWatch)

    def first_audio(self, seconds: float) -> None:
        """See IWatch."""
        self._watch.first_audio(seconds)

    def dead_air(self, seconds: float) -> None:
        """See IWatch."""
        self._watch.dead_air(seconds)

    def mark_late(self) -> None:
        """See IWatch."""
        self._watch.mark_late()

    def stream_stalled(self) -> None:
        """See IWatch."""
        self._watch.stream_stalled()

    def agent_ready(self, seconds: float) -> None:
        """See IWatch."""
        self._watch.agent_ready(seconds)

    def agent_failed(self, kind: str, agent: str = "", call: str = "") -> None:
        """See IWatch."""
        self._watch.agent_failed(kind, agent, call)
        self._failed("agent", agent, kind, call)

    def interrupted(self, seconds: float) -> None:
        """See IWatch."""
        self._watch.interrupted(seconds)

    def voice_failed(self, kind: str, voice: str = "", call: str = "") -> None:
        """See IWatch."""
        self._watch.voice_failed(kind, voice, call)
        if kind not in NO_FAULT:
            self._failed("voice", voice, kind, call)

    def voice_spoke(self, voice: str) -> None:
        """See IWatch."""
        self._watch.voice_spoke(voice)
        self._vendors.well("voice", voice, self._clock.seconds())

    def speech_kept(self, hit: bool) -> None:
        """See IWatch."""
        self._watch.speech_kept(hit)

    def ended(self, record: CallRecord) -> None:
        """See IWatch. An agent was well when it began a conversation that ended in order."""
        self._watch.ended(record)
        for each in filter(_in_order, record.agents):
            self._vendors.well("agent", each.agent, each.began)
        if self._bell.is_ours(record):
            self._bell.ended(record)
            return
        befell = self._last is not None and self._last.call == record.info.sid
        if befell or record.ending in FAILURES:
            self._record = record.info.sid, retold(record)
        self._tell(self._endings.ended(record, self._clock.seconds()))

    # Within

    def _failed(self, part: Part, name: str, kind: str, call: str) -> None:
        record = self._live(call)
        if record is None or not self._bell.is_ours(record):
            self._tell(self._vendors.failed(part, name, kind, call, self._clock.seconds()))

    def _tell(self, trouble: Trouble | None) -> None:
        if trouble is not None:
            self._last = trouble
            self._bell.notice(trouble)


def _in_order(record: AgentRecord) -> bool:
    """Of a conversation that a daemon went away under, nobody knows how it would have ended."""
    return record.ready_ms is not None and not record.error and record.outcome not in ("failed", *DEPARTED)

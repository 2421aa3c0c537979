"""Where a live call stands: all that a daemon needs to go on with a call of one before it, and who keeps it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs
import msgspec
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from voiced.call.records import CallInfo, CallRecord, Departure, Ending, Stage
from voiced.icarrier import CallOrder
from voiced.iguard import Charged
from voiced.ivoiced import Dial, Dialled

Place = tuple[str, str, int]
"""A place in a flow: flow, node, step from 0."""


class OrderStanding(msgspec.Struct, frozen=True):
    """What was asked for when the call was placed (voiced.call.ordered)."""

    order: CallOrder
    by: str
    prompt: str | None
    first_message: str | None
    variables: dict[str, str]
    key: str
    """The idempotency key, with whose it is, as long as the call has no SID; "" where there is none."""


class LegStanding(msgspec.Struct, frozen=True):
    """Somebody whom the human is to be connected with, or is (voiced.call.leg)."""

    dial: Dial
    record: int
    """Which of the call's leg records it is."""
    step: Place | None
    returns: bool
    offered: bool


class LeftOff(msgspec.Struct, frozen=True):
    """What was being said, and how much of it the caller had certainly heard."""

    what: str
    """The text; of a sound, a name for its audio."""
    heard: int
    """Bytes of mu-law/8000, up to the last mark that had come back."""


class Standing(msgspec.Struct, frozen=True):
    """Where a call stands. Times are seconds since the epoch.

    It holds numbers, keys, words and private facts as they are: whoever keeps it must let nobody else read it.
    """

    at: float
    """When this was so."""
    stage: Stage
    flow: str
    """The name of the flow that it began in."""
    seconds: int
    """How long it may last, as the guard has said."""
    record: CallRecord
    """All of it but what came over the wires."""
    facts: dict[str, str]
    private: list[str]
    secrets: list[str]
    position: list[Place]
    entered: list[dict[str, str | None]]
    rescued: bool
    order: OrderStanding | None = None
    told_at: Place | None = None
    """The step whose agent was told what was asked for."""
    verdict: Ending | None = None
    """How it will have ended, once its flow is over."""
    sorry: str | None = None
    """What the carrier says to the caller before it hangs up, once the flow is over."""
    gone: Ending | None = None
    """Why the caller has gone, once they have."""
    leg: LegStanding | None = None
    returned: tuple[Place, Dialled] | None = None
    """What became of the leg of a step that is to be told."""
    parts: dict[str, float] = {}
    """The parts of the flows that it has a place in, and since when."""
    leaving: dict[str, float] = {}
    """Those that it leaves by and by, and when."""
    left_off: LeftOff | None = None
    granted: tuple[int, float] | None = None
    """How many seconds the guard has granted to the agent that has the line, and when."""
    departure: Departure = Departure.KILLED
    """How its daemon went, as far as that had said by then."""
    keys: str = ""
    """The keys that the step which runs has gathered so far, and those that wait for it or the next."""
    charged: tuple[Charged, ...] = ()
    """What was counted for it, and may have to be corrected when it is over."""
    ticket: str = ""
    """Its ticket that is not spent; for a daemon that it is handed over to while its stream is on its way."""

    @property
    def info(self) -> CallInfo:
        """Who is calling whom."""
        return self.record.info

    @property
    def name(self) -> str:
        """The call's SID; our own reference, as long as the carrier has said none."""
        return self.info.sid or ("" if self.order is None else self.order.order.reference)


@attrs.frozen
class Remembered:
    """What a daemon before this one has left behind."""

    standings: tuple[Standing, ...]
    """Its live calls, in the order in which they began."""
    over: tuple[str, ...]
    """The SIDs of calls that ended lately, the oldest first."""

    def calls_of(self, departure: Departure) -> int:
        """How many of the live calls had a daemon that went so."""
        return sum(each.departure is departure for each in self.standings)


class IStandings(Interface):
    """Where the live calls stand, kept over a restart."""

    def load() -> Remembered:
        """What there is. Reads the disk: at the start only. Raises StoreError.

        A call that is among those that are over is not among the live ones; what cannot be read is logged, and
        forgotten.
        """

    def keep(standings: Mapping[str, Standing], over: Collection[str]) -> Deferred[None]:
        """Keep these, by their names, instead of what was kept of them, and forget those that are `over`: all of it
        or nothing. Fires when it is on the disk. Fails with StoreError only. The standings are read at once."""


@attrs.frozen
class Keeper:
    """A daemon that has a call: its name, and which start of it that is."""

    node: str
    boot: str
    gone: bool = False
    """Whether no daemon of that name runs now."""


@attrs.frozen
class Whereabouts:
    """Where a call is, of all daemons of a data directory."""

    keeper: Keeper | None
    """None: none has it."""
    over: bool = False
    """Whether it was one of theirs, and has ended."""


class ISharedStandings(Interface):
    """Where the live calls of several daemons with one data directory stand. Fails with StoreError only."""

    me = Attribute("This very daemon (Keeper).")

    def where(names: Collection[str]) -> Deferred[Whereabouts]:
        """Who has the call of these names (its SID, and our reference)."""

    def take(names: Collection[str], keeper: Keeper) -> Deferred[Standing | None]:
        """Where this call stands, which is ours from now on; None where that keeper does not have it any more, or
        what is kept of it cannot be read. Of two who take it at once only one gets it."""

    def hand_over(standing: Standing, keeper: Keeper) -> Deferred[None]:
        """A call of ours stands here, and is that daemon's from now on."""

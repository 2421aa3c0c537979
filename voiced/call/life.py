"""The life of a call: what the line's events mean in each state, and who stops what on the way out.

    Placed ──answered──┐
                       ▼
    (it rings)──► Expected ──begin──► Running ──flow_ended──► Draining ──heard_out──► Away ──after──► Parting ──► Over
                                         ▲  └──────────stream_lost──────────────────────►│
                                         └─────────────────────begin─────────────────────┘

A call that we place begins in Placed, one that rings here in Expected. `caller_gone` leads from everywhere to
Parting; each state carries what has to be stopped when it is left.
"""

from __future__ import annotations

from typing import Any, Protocol

import attrs
from automat import TypeMachineBuilder
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater

from voiced.call.records import Ending
from voiced.icarrier import IMediaStream
from voiced.ivoiced import Dial, HangUp, NewStream, Sequel

EXPECT_SECONDS = 30.0
"""How long a stream may take to come after it was announced; a ticket is good for as long."""
AWAY_SECONDS = 15.0
"""How long the carrier may take to ask what now, once a stream has ended; then the call is completed by its API."""
COMING_BACK = AWAY_SECONDS + EXPECT_SECONDS
"""Seconds within which a call whose line or daemon was lost is back, if it comes back at all: the carrier asks
what now for 15 s, and as long again at its fallback URL; then the call is over there, or it is ended by the API."""
PARTING_SECONDS = 10.0
"""How long `on_hangup` may take."""
LOOK_AGAIN = 30.0
"""How often the carrier is asked about a call that should have been answered, or over, by now."""


class Life(Protocol):
    """What may happen to a call."""

    def answered(self) -> None:
        """The human whom we ring has taken the call, and the carrier asks what now."""

    def overdue(self) -> None:
        """Nothing was heard of a call that we placed, although its ringing must be over."""

    def begin(self, stream: IMediaStream) -> None:
        """A media stream with a good ticket has started."""

    def expired(self, why: Ending) -> None:
        """The stream did not come."""

    def flow_ended(self, why: Ending) -> None:
        """The flow has come to its end; what it said may not be heard yet."""

    def evict(self, why: Ending) -> None:
        """The call has to end soon: the utterance now spoken is the last."""

    def heard_out(self, why: Ending) -> None:
        """The caller has heard everything."""

    def drain_expired(self, why: Ending) -> None:
        """The last mark did not come back in time."""

    def stream_lost(self, why: Ending) -> None:
        """The socket is gone and the carrier did not say `stop`."""

    def after(self) -> Sequel:
        """The carrier asks what follows the stream that ended."""

    def away_expired(self, why: Ending) -> None:
        """The carrier did not ask."""

    def caller_gone(self, why: Ending) -> None:
        """The call is over at the carrier, or will be as soon as our answer arrives."""

    def handed_over(self) -> None:
        """Another daemon goes on with the call; nothing is to be done here any more."""

    def parted(self, why: Ending) -> None:
        """What had to be done after the caller had gone is done."""


class Core(Protocol):
    """What the machine moves: the session."""

    clock: IReactorTime

    def ring_limit(self) -> float:
        """Seconds within which a call that we place is answered, or over, as a rule."""

    def look(self) -> None:
        """Ask the carrier what became of the call."""

    def offer(self) -> Sequel:
        """What the carrier is told when it asks what now."""

    def leg_limit(self) -> float:
        """Seconds within which the carrier comes back from connecting the human with somebody else."""

    @property
    def connected(self) -> bool:
        """Whether the carrier is connecting the human with somebody else, or has."""

    @property
    def stopping(self) -> bool:
        """Whether the daemon stops: nobody here waits for two who talk without us."""

    def start_flow(self, stream: IMediaStream) -> Deferred[None]:
        """Speak and listen on this stream; run the flow from its position."""

    def last_words(self, why: Ending) -> Deferred[None]:
        """Keep the utterance now spoken, end all else; fires when everything has been heard."""

    def drain_limit(self, why: Ending) -> float:
        """Seconds within which that must be so."""

    def close_stream(self) -> None:
        """End the stream, if there is one."""

    def turn_away(self, why: Ending) -> None:
        """The flow does not go on: the carrier is told to say sorry when it asks."""

    def complete(self) -> None:
        """End the call by the carrier's API."""

    def part(self, why: Ending) -> Deferred[None]:
        """Do what the flow wants done after the caller has gone."""

    def finish(self, why: Ending) -> None:
        """The call is over: release everything, write the record."""


@attrs.define
class Placed:
    """Asked of the carrier; it may ring."""

    timer: IDelayedCall


@attrs.define
class Expected:
    """Announced to the carrier; no stream yet."""

    timer: IDelayedCall
    offered_again: bool = False
    """A stream may fail once on its way to us; then the caller gets an apology."""


@attrs.define
class Running:
    """The flow walks and talks."""

    flow: Deferred[None]


@attrs.define
class Draining:
    """The flow is over, what it said is still being heard."""

    heard: Deferred[None]
    timer: IDelayedCall
    why: Ending


@attrs.define
class Away:
    """The call lives at the carrier; no stream is here."""

    timer: IDelayedCall
    why: Ending
    """The ending, if nothing more comes of it."""


@attrs.define
class Parting:
    """The caller has gone; `on_hangup` runs."""

    doing: Deferred[None]
    timer: IDelayedCall


def _place(life: Life, core: Core) -> Placed:
    return Placed(core.clock.callLater(core.ring_limit(), life.overdue))


def _expect(life: Life, core: Core) -> Expected:
    return Expected(core.clock.callLater(EXPECT_SECONDS, life.expired, Ending.FAILED))


def _run(life: Life, core: Core, stream: IMediaStream) -> Running:
    return Running(core.start_flow(stream))


def _drain(life: Life, core: Core, why: Ending) -> Draining:
    heard = core.last_words(why)
    timer = core.clock.callLater(core.drain_limit(why), life.drain_expired, why)
    return Draining(heard.addCallbacks(lambda _: life.heard_out(why), lambda cancelled: None), timer, why)


def _leave(life: Life, core: Core, why: Ending) -> Away:
    return Away(core.clock.callLater(AWAY_SECONDS, life.away_expired, why), why)


def _part(life: Life, core: Core, why: Ending) -> Parting:
    # A timer of its own, not the Deferred's: whatever `on_hangup` does with its cancelling, the call ends.
    timer = core.clock.callLater(PARTING_SECONDS, life.parted, why)
    doing = deferLater(core.clock, 0, core.part, why)
    return Parting(doing.addBoth(lambda _: life.parted(why)), timer)


def _stop(timer: IDelayedCall) -> None:
    if timer.active():
        timer.cancel()


_life = TypeMachineBuilder(Life, Core)  # type: ignore[type-abstract]
# Automat wants a state without data first; a life begins in `expected` all the same (begin_life).
over = _life.state("over")
placed = _life.state("placed", _place)
expected = _life.state("expected", _expect)
running = _life.state("running", _run)
draining = _life.state("draining", _drain)
away = _life.state("away", _leave)
parting = _life.state("parting", _part)


# An output runs when the new state's data are made already: what it stops belongs to the state that was left.


@placed.upon(Life.answered).to(expected)
def placed_answered(life: Life, core: Core, was: Placed) -> None:
    _stop(was.timer)


@placed.upon(Life.overdue).loop()
def placed_overdue(life: Life, core: Core, was: Placed) -> None:
    was.timer = core.clock.callLater(LOOK_AGAIN, life.overdue)
    core.look()


@placed.upon(Life.evict).to(parting)
def placed_evicted(life: Life, core: Core, was: Placed, why: Ending) -> None:
    _stop(was.timer)
    core.turn_away(why)
    core.complete()


@placed.upon(Life.caller_gone).to(parting)
def placed_gone(life: Life, core: Core, was: Placed, why: Ending) -> None:
    _stop(was.timer)


@expected.upon(Life.begin).to(running)
def expected_begins(life: Life, core: Core, was: Expected, stream: IMediaStream) -> None:
    _stop(was.timer)


@expected.upon(Life.after).loop()
def expected_after(life: Life, core: Core, was: Expected) -> Sequel:
    if was.offered_again:
        core.turn_away(Ending.STREAM_LOST)
        life.caller_gone(Ending.STREAM_LOST)
        return core.offer()
    was.offered_again = True
    was.timer.reset(EXPECT_SECONDS)
    return NewStream()


@expected.upon(Life.evict).to(away)
def expected_evicted(life: Life, core: Core, was: Expected, why: Ending) -> None:
    _stop(was.timer)
    core.turn_away(why)


@expected.upon(Life.expired).to(parting)
@expected.upon(Life.caller_gone).to(parting)
def expected_gone(life: Life, core: Core, was: Expected, why: Ending) -> None:
    _stop(was.timer)


@expected.upon(Life.handed_over).to(over)
def expected_elsewhere(life: Life, core: Core, was: Expected) -> None:
    _stop(was.timer)


@running.upon(Life.flow_ended).to(draining)
@running.upon(Life.evict).to(draining)
def running_drains(life: Life, core: Core, was: Running, why: Ending) -> None:
    was.flow.cancel()


@running.upon(Life.stream_lost).to(away)
@running.upon(Life.caller_gone).to(parting)
def running_loses_line(life: Life, core: Core, was: Running, why: Ending) -> None:
    was.flow.cancel()
    core.close_stream()


@draining.upon(Life.heard_out).to(away)
@draining.upon(Life.drain_expired).to(away)
@draining.upon(Life.stream_lost).to(away)
@draining.upon(Life.caller_gone).to(parting)
def draining_ends(life: Life, core: Core, was: Draining, why: Ending) -> None:
    _stop(was.timer)
    was.heard.cancel()
    core.close_stream()


@away.upon(Life.handed_over).to(over)
def away_elsewhere(life: Life, core: Core, was: Away) -> None:
    _stop(was.timer)


@away.upon(Life.after).loop()
def away_after(life: Life, core: Core, was: Away) -> Sequel:
    offer = core.offer()
    if isinstance(offer, NewStream):
        was.timer.reset(EXPECT_SECONDS)
    elif isinstance(offer, Dial) and not core.stopping:
        was.timer.reset(core.leg_limit())
    else:
        life.caller_gone(was.why)
    return offer


@away.upon(Life.begin).to(running)
def away_begins(life: Life, core: Core, was: Away, stream: IMediaStream) -> None:
    _stop(was.timer)


@away.upon(Life.evict).loop()
def away_evicted(life: Life, core: Core, was: Away, why: Ending) -> None:
    if core.connected:  # they talk without us: nobody has to wait for them
        life.caller_gone(was.why)
    else:
        core.turn_away(why)


@away.upon(Life.away_expired).to(parting)
def away_forgotten(life: Life, core: Core, was: Away, why: Ending) -> None:
    core.complete()


@away.upon(Life.caller_gone).to(parting)
def away_gone(life: Life, core: Core, was: Away, why: Ending) -> None:
    _stop(was.timer)


@parting.upon(Life.parted).to(over)
def parting_parts(life: Life, core: Core, was: Parting, why: Ending) -> None:
    _stop(was.timer)
    was.doing.cancel()
    core.finish(why)


# An answer for a carrier that asks again, or late: there is nothing left to do.
placed.upon(Life.after).loop().returns(HangUp())
parting.upon(Life.after).loop().returns(HangUp())
over.upon(Life.after).loop().returns(HangUp())

# What says nothing new in a state: a callback that came late, a timer that had been on its way.
_DEAF: dict[Any, tuple[Any, ...]] = {
    placed: (Life.begin, Life.expired, Life.flow_ended, Life.heard_out, Life.drain_expired, Life.stream_lost,
             Life.away_expired, Life.parted),
    expected: (Life.flow_ended, Life.heard_out, Life.drain_expired, Life.stream_lost, Life.away_expired, Life.parted),
    running: (Life.begin, Life.expired, Life.heard_out, Life.drain_expired, Life.away_expired, Life.parted),
    draining: (Life.begin, Life.expired, Life.flow_ended, Life.evict, Life.away_expired, Life.parted),
    away: (Life.expired, Life.flow_ended, Life.heard_out, Life.drain_expired, Life.stream_lost, Life.parted),
    parting: (Life.begin, Life.expired, Life.flow_ended, Life.heard_out, Life.drain_expired, Life.stream_lost,
              Life.evict, Life.away_expired, Life.caller_gone),
    over: (Life.begin, Life.expired, Life.flow_ended, Life.heard_out, Life.drain_expired, Life.stream_lost,
           Life.evict, Life.away_expired, Life.caller_gone, Life.parted),
}  # fmt: skip
for _state, _inputs in _DEAF.items():
    for _input in _inputs + (() if _state is placed else (Life.answered, Life.overdue)):
        _state.upon(_input).loop().returns(None)

for _state in (placed, running, draining, parting, over):  # its stream is here, or none is waited for
    _state.upon(Life.handed_over).loop().returns(None)

_machine = _life.build()


def begin_life(core: Core, *, outbound: bool = False) -> Life:
    """The life of one call: in Placed, if we place it, else in Expected."""
    return _machine(core, placed, _place) if outbound else _machine(core, expected, _expect)


def resume_life(core: Core, seconds: float, why: Ending) -> Life:
    """The life of a call that another daemon has begun: it lives at the carrier, which has so many seconds to ask."""

    def wait(life: Life, core: Core) -> Away:
        return Away(core.clock.callLater(seconds, life.away_expired, why), why)

    return _machine(core, away, wait)

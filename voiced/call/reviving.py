"""Takes up the calls of a daemon before us, and asks the carrier which of them are over."""

from __future__ import annotations

from collections.abc import Callable, Container

import attrs
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from voiced.call.arriving import Arrivals
from voiced.call.flow import Flow
from voiced.call.ordered import Ordered
from voiced.call.parts import Parts
from voiced.call.program import Program
from voiced.call.records import Departure, Ending, Stage
from voiced.call.session import CallSession
from voiced.call.switchboard import Switchboard
from voiced.errors import CarrierError
from voiced.icarrier import ICarrier
from voiced.iguard import IGuard, IPermit
from voiced.istanding import Remembered, Standing

AT_ONCE = 8
"""How many calls the carrier is asked about at once."""
BY_THEMSELVES = 5.0
"""Seconds within which most callers are back: a carrier that is asked about all of them keeps them waiting."""

log = Logger()

MakeSession = Callable[[Standing, Program, Flow, IPermit, Ordered | None], CallSession]


@attrs.frozen
class Reviving:
    """Makes sessions of what was left behind. `make(...)` makes one; `lost(standing)` is told where there is none."""

    _switchboard: Switchboard
    _guard: IGuard
    _parts: Parts
    _carrier: ICarrier
    _clock: IReactorTime
    _make: MakeSession
    _ordered: Callable[[Ordered], Ordered]
    _lost: Callable[[Standing], object]
    _arrivals: Arrivals = attrs.field(factory=Arrivals, init=False)

    def take_up(self, left: Remembered, program: Program, accounts: Container[str]) -> None:
        """The calls live on here, each where it stood, as soon as the carrier asks what now."""
        self._switchboard.remember(left.over)
        places = [(at, part, each.name) for each in left.standings for part, at in each.parts.items()]
        for _, part, name in sorted(places):
            self._parts.enter(part, name)
        for was in left.standings:
            self._adopt(was, program, accounts)
        if calls := left.calls_of(Departure.RESTARTED):
            log.info("{n} calls go on here: the daemon before was restarted under them", n=calls)
        if calls := left.calls_of(Departure.KILLED):
            log.warn(
                "{n} calls go on here: the daemon before was killed under them, or has crashed; what it said last is "
                "above, and `journalctl -k` knows of one that was out of memory",
                n=calls,
            )

    def adopt(self, was: Standing, program: Program, accounts: Container[str]) -> None:
        """A call of another daemon, which is gone or has handed it over, lives on here, unless it does already."""
        if self._switchboard.find(was.name) is None and not self._switchboard.has_ended(was.name):
            for part in sorted(was.parts):
                self._parts.enter(part, was.name)
            self._adopt(was, program, accounts)
            if was.ticket and self._switchboard.find(was.name) is not None:
                self._switchboard.expect_again(was.name, was.ticket)

    def compare(self) -> Deferred[None]:
        """Ask the carrier about every call that has not come back by itself; fires when it has said of each, as far
        as it does. Those that it knows to be over end. Never fails, but by cancelling."""
        return Deferred.fromCoroutine(self._compare())

    async def _compare(self) -> None:
        await deferLater(self._clock, BY_THEMSELVES)
        gate = DeferredSemaphore(AT_ONCE)
        waiting = [call for call in self._switchboard if call.stage in (Stage.AWAY, Stage.DIALLED)]
        asking = [gate.run(self._asked, call) for call in waiting]
        await gatherResults(asking)

    def _adopt(self, was: Standing, program: Program, accounts: Container[str]) -> None:
        if was.granted is not None:
            granted, since = was.granted
            self._guard.conversed(was.info, granted, since, was.at)
        if was.info.account not in accounts:
            self._leave(was, "its account is not in voiced.yaml any more")
            return
        permit = self._guard.carry_on(was.info, was.seconds, charged=was.charged)
        try:
            self._take_up(was, program, permit)
        except Exception:  # noqa: BLE001 - a fault of ours in one call must not keep the daemon from starting
            log.failure("{call}: it cannot be taken up", call=was.name)
            permit.over(None)
            self._leave(was, "a fault of ours; the log has its traceback")

    def _take_up(self, was: Standing, program: Program, permit: IPermit) -> None:
        flow = program.flows.get(was.flow)
        ordered = (
            None
            if was.order is None
            else self._ordered(
                Ordered(
                    was.order.order,
                    was.order.by,
                    was.order.prompt,
                    was.order.first_message,
                    was.order.variables,
                    was.order.key,
                )
            )
        )
        session = self._make(was, program, flow or Flow(was.flow, "gone", {"gone": ()}), permit, ordered)
        session.arrivals = self._arrivals
        self._switchboard.take_up(session)
        log.info("{call}: taken up, {stage}, flow {flow}", call=was.name, stage=was.stage.value, flow=was.flow)
        if flow is None:
            session.record.faults.append(f"its flow {was.flow!r} is not there any more")
            session.turn_away(Ending.FAILED)

    def _leave(self, was: Standing, why: str) -> None:
        """It cannot go on here: what is known of it is written down; the carrier's own limits end it."""
        log.error("{call}: the call cannot go on: {why}", call=was.name, why=why)
        self._parts.over(was.name)
        record = was.record
        record.ended, record.ending = self._clock.seconds(), Ending.FAILED
        record.faults.append(why)
        self._switchboard.remember([was.name])
        self._lost(was)

    def _asked(self, call: CallSession) -> Deferred[None]:
        return Deferred.fromCoroutine(self._ask(call))

    async def _ask(self, call: CallSession) -> None:
        try:
            state = await self._carrier.fetch(call.info.sid, call.info.account)
        except CarrierError as error:
            log.warn("{call}: nobody knows whether it lives: {error}", call=call.info.sid, error=str(error))
            return
        if state.ending is not None and call.stage in (Stage.AWAY, Stage.DIALLED):  # else it came back meanwhile
            call.record.faults.append("it ended while no daemon was there")
            call.caller_gone(state.ending)

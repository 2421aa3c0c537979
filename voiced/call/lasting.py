"""A call that outlives its daemon: where it stands, and how the next daemon takes it up from there."""

from __future__ import annotations

from typing import Any

import attrs

from voiced.call.leg import Leg, Position
from voiced.call.life import COMING_BACK, begin_life, resume_life
from voiced.call.living import LivingCall
from voiced.call.optout import OptOut
from voiced.call.records import DEPARTED, AgentRecord, Departure, Ending, LegRecord, Said, Stage
from voiced.errors import CallOver
from voiced.istanding import LegStanding, OrderStanding, Standing
from voiced.ivoiced import Apologise

TAKEN_UP = 2.0
"""Seconds after which a daemon has taken up a call that was handed over to it, and holds its place with the guard:
until then it has two, so that it never has none."""


class LastingCall(LivingCall):
    """A call whose place, facts and record another daemon may go on with. `was` is where it stood then."""

    def __init__(self, *living: Any, was: Standing | None = None) -> None:
        super().__init__(*living)
        self._departure = Departure.KILLED
        if was is None:
            self._ring()
        else:
            self._take_up(was)

    @property
    def name(self) -> str:
        """The call's SID; our own reference, as long as the carrier has said none."""
        return self.info.sid or self._as_ordered.order.reference

    def standing(self) -> Standing:
        """Where it stands now."""
        self.remember_private()
        if self._conversation is not None:
            self._conversation.record.transcript = self._conversation.lines()
        return Standing(
            at=self.clock.seconds(),
            stage=self.stage,
            flow=self.flow.name,
            seconds=self._permit.seconds,
            record=attrs.evolve(self.record, wire=()),
            facts={name: str(value) for name, value in self.facts.items()},
            private=sorted(self.private),
            secrets=sorted(self._secrets),
            position=self.position,
            entered=self.entered,
            rescued=self.rescued,
            order=self._order_standing(),
            told_at=self._told_at,
            verdict=self._verdict,
            sorry=self._sequel.text if isinstance(self._sequel, Apologise) else None,
            gone=self._gone,
            leg=self._leg_standing(),
            returned=self._returned,
            parts=self._since,
            leaving={part: timer.getTime() for part, timer in self._leaving.items() if timer.active()},
            left_off=self._leaves_off(),
            granted=self._granted,
            departure=self._departure,
            keys=self._keys(),
            charged=self._permit.charged,
        )

    def left_behind(self) -> None:
        """This daemon goes on purpose, and leaves it to the next one."""
        self._departure = Departure.RESTARTED
        self.changed()

    def hand_over(self) -> Standing:
        """Another daemon goes on with it, as soon as its stream is there: gives where it stands. Nothing more happens
        here, and nobody is told of an end. Raises CallOver where no stream is waited for."""
        waits = self.stage in (Stage.EXPECTED, Stage.AWAY) and self._verdict is None and self._leg is None
        if not waits or self.sockets:
            raise CallOver
        standing = self.standing()
        self.changed = lambda *_, **__: None
        self._life.handed_over()
        self.stage = Stage.OVER
        self._tell_verdict()
        self._out_of_parts()
        self._stop_timers()
        self.clock.callLater(TAKEN_UP, self._permit.leave)
        return standing

    def go_on(self) -> None:
        """Nothing is to be taken up, but what had begun to end: call it when it is known where it belongs."""
        if self._gone is not None:  # the carrier may not have been told, and `on_hangup` may have run
            self.complete()
            self._life.caller_gone(self._gone)

    # Within

    def _order_standing(self) -> OrderStanding | None:
        ordered = self.ordered
        if ordered is None:
            return None
        key = "" if self.info.sid else ordered.key
        return OrderStanding(
            ordered.order, ordered.by, ordered.prompt, ordered.first_message, dict(ordered.variables), key
        )

    def _leg_standing(self) -> LegStanding | None:
        leg = self._leg
        if leg is None:
            return None
        number = next(number for number, record in enumerate(self.record.legs) if record is leg.record)
        return LegStanding(leg.dial, number, leg.step, leg.returns, leg.offered)

    def _take_up(self, was: Standing) -> None:
        self.record = was.record
        self.record.info = self.info
        self.record.wire = self.wire.events
        self.facts, self.private, self._secrets = was.facts, set(was.private), frozenset(was.secrets)
        self.rescued, self._told_at, self._returned = was.rescued, was.told_at, was.returned
        self._verdict, self._gone, self._left_off = was.verdict, was.gone, was.left_off
        self._sequel = None if was.sorry is None else Apologise(was.sorry)
        self._take_up_place(was)
        self._close_records(was.at, was.departure.value)
        self._take_up_parts(was)
        if was.leg is not None:
            self._take_up_leg(was.leg)
        if self.record.opted_out is not None:
            self.confirmation = next(self._opt_outs(), OptOut()).confirm
        if self.record.answered is not None:
            self._limit_from(self.record.answered)
        self._take_up_life(was)

    def _take_up_place(self, was: Standing) -> None:
        """Where its flow stood; of what is not there any more in the flows of today, from where that was called."""
        self.position, self.entered = was.position, was.entered
        gone = [at for at, place in enumerate(was.position) if not self._is_there(place)]
        if gone:
            depth = gone[0]
            self._leave_flow(max(depth, 1))
            del self.position[depth:]
            self.record.faults.append(
                "the flows were changed while no daemon was there: it goes on before that place"
            )
        if was.verdict is None and was.returned is None and self.position:
            self._resumed = was.departure
            if not gone:  # else they were for another step
                self._keypad.put_back(was.keys)

    def _is_there(self, place: Position) -> bool:
        flow = self.flow if place[0] == self.flow.name else self.program.flows.get(place[0])
        # Behind the last step stands who has said it all.
        return flow is not None and place[1] in flow.nodes and place[2] <= len(flow.nodes[place[1]])

    def _close_records(self, at: float, departure: str) -> None:
        """What had begun has ended there; what was said with the last agent, is for its next conversation."""
        for step in self.record.steps:
            if step.ended is None:
                step.ended, step.result = at, departure
        open_ = [agent for agent in self.record.agents if agent.ended is None]
        for agent in open_:
            agent.ended, agent.outcome = at, departure
        if open_:
            self._so_far = open_[-1].agent, self._said_with(open_[-1])

    def _said_with(self, last: AgentRecord) -> tuple[Said, ...]:
        """What was said with the last agent, over all daemons that went meanwhile."""
        said: list[Said] = []
        for agent in reversed(self.record.agents):
            if agent.outcome not in DEPARTED or agent.agent != last.agent:
                break
            said[:0] = agent.transcript
        return tuple(said)

    def _take_up_parts(self, was: Standing) -> None:
        self._since = was.parts
        for part, at in was.leaving.items():
            self._leaving[part] = self.clock.callLater(max(0.0, at - self.clock.seconds()), self.leave, part)

    def _take_up_leg(self, was: LegStanding) -> None:
        record: LegRecord = self.record.legs[was.record]
        permit = self._guard.carry_on(self.info, was.dial.seconds or self._permit.seconds, was.dial)
        self._leg = Leg(was.dial, record, permit, self.clock, was.step, was.returns, was.offered)
        self._sequel = self._sequel or was.dial

    def _take_up_life(self, was: Standing) -> None:
        if was.stage is Stage.RINGING and self._gone is None:
            self.stage = Stage.RINGING
            self._life = begin_life(self, outbound=True)
            return
        self.stage = Stage.DIALLED if self.connected else Stage.AWAY
        seconds = COMING_BACK
        if self._leg is not None and self.connected:
            seconds = max(seconds, self._leg.record.began + self._leg.limit - self.clock.seconds())
        self._life = resume_life(self, seconds, Ending.STREAM_LOST)

"""The verbs: what the steps of a flow may do with a call, besides speaking and listening."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

import attrs
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call.arriving import Arrivals, Turn, at_once
from voiced.call.conversation import Conversation
from voiced.call.dialogue import Dialogue, unheard
from voiced.call.disclosing import disclose
from voiced.call.flow import Flow
from voiced.call.leg import Leg, Position, leg
from voiced.call.optout import CONFIRM, OptOut
from voiced.call.ordered import Ordered
from voiced.call.parts import Parts
from voiced.call.program import Program
from voiced.call.records import AgentRecord, CallInfo, OptOutRecord, Said, TextRecord
from voiced.call.texting import Texting
from voiced.call.toolbox import Toolbox
from voiced.call.wire import WiredTools
from voiced.errors import CallOver, FlowError, HttpFailed, Refused, VoicedError
from voiced.icarrier import ICarrier
from voiced.iguard import IGuard, IPermit, Party
from voiced.ivoiced import (
    AgentLimits,
    Back,
    Brief,
    Dial,
    Dialled,
    End,
    HttpAnswer,
    HttpRequest,
    ICall,
    IToolbox,
    Outcome,
    Sequel,
)
from voiced.iwatch import IWatch

OPTED_OUT_FACT = "call.opted_out"
"""The fact that says how the human has opted out of being called; it is there for `on_hangup`."""

log = Logger()


@implementer(ICall)
class Verbs(Dialogue):
    """A call as its flow sees it: who is calling, what is known, a line to speak on, and others to give it to."""

    def __init__(
        self,
        info: CallInfo,
        program: Program,
        flow: Flow,
        clock: IReactorTime,
        carrier: ICarrier,
        guard: IGuard,
        permit: IPermit,
        stalled: Callable[[], None],
        ordered: Ordered | None = None,
        parts: Parts | None = None,
        watch: IWatch | None = None,
    ) -> None:
        super().__init__(stalled, self.heard_words, info, program, flow, clock, ordered, parts, watch)
        self._carrier = carrier
        self._guard = guard
        self._permit = permit
        self._leg: Leg | None = None
        """Somebody whom the human is to be connected with, or is."""
        self._returned: tuple[Position, Dialled] | None = None
        """What became of the leg of a step that is to be told."""
        self._told_at: Position | None = None
        """The step whose agent was told what was asked for."""
        self._conversation: Conversation | None = None
        self._so_far: tuple[str, tuple[Said, ...]] | None = None
        """With which agent a daemon before us went, and what was said, until an agent takes the line."""
        self.arrivals: Arrivals | None = None
        """Where its agent waits for its turn to come back, once; None: it comes at once."""
        self._granted: tuple[int, float] | None = None
        """How many seconds the agent may talk that takes the line, and since when."""
        self._texting = Texting()
        self._sequel: Sequel | None = None
        self.confirmation = CONFIRM
        """The last sentence to a human who has opted out."""
        self._ending_step: IDelayedCall | None = None
        """Ends the step of a human who has opted out."""

    @property
    def diverted(self) -> bool:
        """Whether the flow is about to go on at another node."""
        return self._run.diversion is not None

    def converse(self, agent: str, brief: Brief, limits: AgentLimits) -> Deferred[Outcome]:
        """See ICall."""
        if self._stream is None:
            return fail(CallOver())
        if agent not in self.program.agents:
            return fail(FlowError(f"no agent is called {agent!r}"))
        left = self._seconds_left()
        seconds = int(min(limits.seconds or left, left))
        permitted = self._guard.whole(partial(self._guard.converse, self.info, seconds))
        return permitted.addCallback(self._converse, agent, brief, limits)

    def begin_anew(self) -> None:
        """What a daemon before us had begun, is begun again: no sentence and no conversation goes on."""
        super().begin_anew()
        self._so_far = None

    def look_up(self, lookup: str) -> Deferred[Mapping[str, str]]:
        """See ICall."""
        if lookup not in self.program.lookups:
            return fail(FlowError(f"no lookup is called {lookup!r}"))
        asked = self.program.lookups[lookup].lookup(self)
        return self.wire.answered("lookup", asked, lambda known: {"known": dict(known)}, name=lookup)

    def run_flow(self, flow: str, arguments: Mapping[str, str]) -> Deferred[Back | End]:
        """See ICall."""
        if flow not in self.program.flows:
            return fail(FlowError(f"no flow is called {flow!r}"))
        return Deferred.fromCoroutine(self._run_flow(self.program.flows[flow], arguments))

    def then(self, sequel: Sequel) -> None:
        """See ICall."""
        if isinstance(sequel, Dial):
            self._order_leg(sequel, returns=False)
        else:
            self._sequel = sequel

    def dial(self, dial: Dial) -> Deferred[None]:
        """See ICall."""
        self._check_line()
        return _asked(self._guard.whole(partial(self._order_leg, dial, step=self.position[-1])))

    def dialled(self) -> Dialled | None:
        """See ICall."""
        if self._returned is None or self._returned[0] != self.position[-1]:
            return None
        (_, dialled), self._returned = self._returned, None
        return dialled

    def ask(self, request: HttpRequest) -> Deferred[HttpAnswer]:
        """See ICall."""
        if self.program.web is None:
            return fail(HttpFailed("no web service can be asked: this daemon has no way to them"))
        asked = self.program.web.ask(request, self.info.sid)
        sent = (request.body or b"").decode(errors="replace")
        about = {"url": request.url, "method": request.method, **({"sent": sent} if sent else {})}
        return self.wire.answered("http", asked, _as_answered, **about)

    def text(self, message: str, from_: str | None = None) -> Deferred[str]:
        """See ICall."""
        info = self.info

        def send() -> Deferred[str]:
            permitted = _asked(self._guard.whole(partial(self._guard.text, info, info.party)))
            permitted.addCallback(
                lambda _: self._carrier.send_text(info.account, info.party, from_ or info.ours, message)
            )
            return permitted.addCallback(self._texted)

        try:
            sending = self._texting.send((*map(tuple, self.position), message, from_), send)
            return self.wire.answered("text", sending, lambda sid: {"sent": True}, text=message)
        except Refused:
            return fail()

    def opt_out(self, how: str, within: float = 0.0) -> None:
        """See ICall."""
        self._opted_out(how, next(self._opt_outs(), OptOut()), within)

    def heard_words(self, text: str) -> bool:
        """The caller has said this, as an agent or our own ears understand it; whether that opts them out."""
        for opt_out in self._opt_outs():
            if opt_out.said_in(text):
                self._opted_out("word", opt_out)
                return True
        return False

    def opts_out(self, key: str) -> OptOut | None:
        """How this key opts the caller out now; None where it does not, or means something to the step."""
        if key in self._awaited_keys():
            return None
        return next((each for each in self._opt_outs() if each.key == key), None)

    # Within

    def _converse(self, permit: IPermit, agent: str, brief: Brief, limits: AgentLimits) -> Deferred[Outcome]:
        self._granted = permit.seconds, self.clock.seconds()
        self.changed()

        def not_told(failure: Failure) -> Failure:
            self._granted = None
            permit.over(None)
            return failure

        # First the disclosure, and only then the agent: one that was there sooner would speak right after it, or hear
        # a caller who does not know yet whom they speak to. It costs the time that an agent takes to come.
        disclosing = Deferred.fromCoroutine(disclose(self))
        disclosing.addCallback(lambda _: self._turn())
        return disclosing.addCallbacks(lambda turn: self._hand_over(agent, brief, limits, permit, turn), not_told)

    def _turn(self) -> Deferred[Turn]:
        """When the agent may come: at once, unless many come back together to the calls of a daemon before us."""
        arrivals, self.arrivals = self.arrivals, None
        return at_once() if arrivals is None else arrivals.turn()

    def _hand_over(
        self, agent: str, brief: Brief, limits: AgentLimits, permit: IPermit, turn: Turn
    ) -> Deferred[Outcome]:
        colleague = self.program.agents[agent]
        limits = attrs.evolve(limits, seconds=min(limits.seconds or permit.seconds, permit.seconds))
        record = AgentRecord(agent, self.clock.seconds())
        self.record.agents.append(record)
        conversation = self._conversation = Conversation(
            self, self._speaker, limits, record, self.heard_words, self.watch, lambda: self.changed(), turn.over
        )
        self._ours = None  # who is silent, the conversation knows
        self.hears = conversation.heard
        ears = self._ears(conversation) if colleague.needs_ears else None
        tools: IToolbox = Toolbox(colleague.tools, self)
        brief = attrs.evolve(self._told(brief), tools=WiredTools(tools, self.wire) if self.wire.kept else tools)
        before, self._so_far = self._so_far, None
        if before is not None and before[0] == agent:
            brief = attrs.evolve(brief, so_far=before[1])
        self.wire.note("agent", name=agent)
        self.changed()
        conversing = conversation.begin(colleague.agent, brief, ears)
        return conversing.addBoth(self._agent_left, permit, record, conversation, turn)

    def _opt_outs(self) -> Iterator[OptOut]:
        """Those that hold now: of the flow whose step runs, and of the first one."""
        for flow in (self.scene, self.flow):
            if flow.opt_out is not None:
                yield flow.opt_out

    def _awaited_keys(self) -> Collection[str]:
        """The keys that the step which runs waits for."""
        _, node, place = self.position[-1]
        steps = self.scene.nodes[node][place:]
        return steps[0].step.mentions().keys if steps else ()

    def _opted_out(self, how: str, opt_out: OptOut, within: float = 0.0) -> None:
        """The human does not want to be called any more: that holds from now on, whatever becomes of this call."""
        if self.record.opted_out is not None:
            return
        self.hang_up_because(f"opted out by {how}")
        self.record.opted_out = OptOutRecord(how, self.clock.seconds())
        self.facts[OPTED_OUT_FACT] = how
        self.changed()
        self.confirmation = opt_out.confirm
        log.info("{call}: the human opts out of being called, by {how}", call=self.info.sid, how=how)
        if self.info.party in self.program.named:
            log.warn(
                "{call}: whoever opts out shows a number that a flow or setting connects callers with: they are "
                "connected all the same; `voiced dnc` takes the number off the list",
                call=self.info.sid,
            )
        self._guard.opt_out(self.info, how)
        if self._stream is not None:
            self._run.leaving = True
            # In a moment, even where it is now: an agent that tells us what was said is not done with it yet.
            self._ending_step = self.clock.callLater(within, self._run.end_step)

    async def _run_flow(self, flow: Flow, arguments: Mapping[str, str]) -> Back | End:
        depth = len(self.position)
        if not (self._run.resumes(flow.name) and len(self.entered) >= depth):
            del self.entered[depth - 1 :]
            self.entered.append(self._enter(flow, arguments))
        try:
            came = await flow.run_within(self, self._run)
        except (VoicedError, CancelledError):
            if not self._run.stopped:  # else its line may come back, to this very place
                self._leave_flow(depth)
            raise
        if isinstance(came, Back):  # else the call ends there, or its line comes back to there
            del self.position[depth:]
            self._leave_flow(depth)
        return came

    def _texted(self, sid: str) -> str:
        self.record.texts.append(TextRecord(self.info.party, self.clock.seconds(), sid))
        self.changed()
        return sid

    def _order_leg(
        self, dial: Dial, *, step: Position | None = None, returns: bool = True, party: Party | None = None
    ) -> None:
        if self._leg is not None:
            self._leg.over(None)
            self._leg = self._sequel = None
        # What an API client asks for is nobody's word but theirs, whatever the flows name.
        named = party is None and dial.to in self.program.named
        self._leg = leg(self.info, dial, self._guard, self.clock, self._seconds_left(), named=named, party=party)
        self._leg.step, self._leg.returns = step, returns
        self.record.legs.append(self._leg.record)
        self._sequel = self._leg.dial

    def _seconds_left(self) -> int:
        """How long the call may go on."""
        since = self.record.answered or self.record.began
        return max(1, int(since + self._most_seconds - self.clock.seconds()))

    @property
    def _most_seconds(self) -> int:
        """How long the call may last, as the guard and its flow say."""
        return min(self._permit.seconds, self.flow.max_seconds or self._permit.seconds)

    def _told(self, brief: Brief) -> Brief:
        """What an agent is asked, with what was asked for when the call was placed: the first one reached is told,
        again when its step is run again."""
        step = self.position[-1]
        if self.ordered is None or self._told_at not in (None, step):
            return brief
        self._told_at = step
        return self.ordered.told(brief)

    def _agent_left(
        self, outcome: Any, permit: IPermit, record: AgentRecord, conversation: Conversation, turn: Turn
    ) -> Any:
        turn.over()
        self.hears = unheard
        self._conversation = self._granted = None
        self._ours = self.clock.seconds()
        self.inputs += conversation.heard_caller
        self._wire_conversation(outcome, record)
        permit.over(self.clock.seconds() - record.began)
        return outcome

    def _wire_conversation(self, outcome: Any, record: AgentRecord) -> None:
        for line in record.transcript:
            self.wire.note("line", line.at, who=line.who, text=line.text)
        facts = outcome.facts if isinstance(outcome, Outcome) else {}
        more = {name: value for name, value in facts.items() if name not in ("transcript", "conversation")}
        self.wire.note("outcome", name=record.outcome, facts=more, error=record.error)


def _asked(answer: Deferred[Any]) -> Deferred[Any]:
    """The same. Raises what it has failed with, where that is known: so it is where no other daemon counts."""
    if isinstance(failure := getattr(answer, "result", None), Failure):
        answer.addErrback(lambda _: None)
        failure.raiseException()
    return answer


def _as_answered(answer: HttpAnswer) -> Mapping[str, Any]:
    return {"status": answer.status, "body": answer.body.decode(errors="replace")}

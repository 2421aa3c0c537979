"""Walks a call through a flow: node after node, step after step, and once through `on_error`."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import attrs
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from voiced.call.leg import Position
from voiced.call.optout import OptOut
from voiced.call.pronunciation import Pronunciation
from voiced.call.records import Departure, Ending, StepRecord
from voiced.call.spoken import LANGUAGE
from voiced.call.template import Template
from voiced.errors import CallOver, FlowError, VoicedError
from voiced.ivoiced import Apologise, Back, End, HangUp, IStep

if TYPE_CHECKING:
    from voiced.call.living import LivingCall
    from voiced.call.verbs import Verbs

MOST_STEPS = 100
"""Steps that may run one after the other while nothing comes of the caller: more is a circle that nobody is in."""

DEEPEST = 16
"""Flows that may have called one another: more is a flow that calls itself."""

log = Logger()


class OnMachine(enum.Enum):
    """What a flow does when an answering machine takes a call that we place."""

    HANGUP = "hangup"
    LEAVE_MESSAGE = "leave_message"
    """Wait for the beep, and go on at the flow's `message`."""
    CONTINUE = "continue"
    """Go on: `{call.answered_by}` says who it is."""


class Resume(enum.Enum):
    """How a step goes on whose daemon was killed or restarted in it."""

    CONTINUE = "continue"
    """Run it again: a sentence goes on where the caller had heard it, an agent is told what was said."""
    RESTART = "restart"
    """Run it again as if it had never run."""
    ON_ERROR = "on_error"
    """It has failed: the flow goes on as it does after any failure."""


@attrs.frozen
class Placed:
    """A step in its place: the verb it was written as, and the step."""

    verb: str
    step: IStep
    resume: Resume = Resume.CONTINUE


@attrs.define
class Run:
    """One walk through a flow, on one stream. Cancelling is how it is stopped, and `stopped` says that it was us."""

    stopped: bool = False
    step: Deferred[Any] | None = None
    """The step that it is in."""
    sorry: bool = False
    """Whether it apologises, or takes leave: nothing is more important then."""
    diversion: str | None = None
    """The node that it is sent to from outside."""
    leaving: bool = False
    """Whether the human has opted out of being called: the step that it is in is the last."""
    below: tuple[Position, ...] = ()
    """Where it has to go on in the flows that the first step calls, when it takes up an earlier walk."""
    resumed: Departure | None = None
    """How the daemon went before us in the step that it begins with; None: it begins there anew."""
    steps: int = 0
    """Steps since something came of the caller ..."""
    inputs: int = 0
    """... which had happened so often then (Verbs.inputs)."""

    def check(self) -> None:
        """Raises CallOver when the run was stopped, also where a step has swallowed its cancellation."""
        if self.stopped:
            raise CallOver

    def divert(self, node: str, silence: Callable[[], None]) -> None:
        """Leave the step, and go on at this node. `silence()` cuts what is being said.

        A step that ends because its speech is cut is followed by the node, not by its next step: what that said
        would be in the carrier's queue before the node's own words.
        """
        if self.sorry:
            return
        step, self.diversion = self.step, node
        silence()
        if step is not None and not step.called:
            step.cancel()

    def end_step(self) -> None:
        """Leave the step, if it is in one."""
        if self.step is not None and not self.step.called:
            self.step.cancel()

    def diverted(self) -> str | None:
        """The node to go on at, once."""
        node, self.diversion = self.diversion, None
        return node

    def resumes(self, flow: str) -> bool:
        """Whether a flow that is called now was left in its middle, and goes on there."""
        return bool(self.below) and self.below[0][0] == flow

    def count(self, inputs: int, flow: str, node: str) -> None:
        """One step more. Raises FlowError when it is one of a circle that no caller is in."""
        if inputs != self.inputs:
            self.inputs, self.steps = inputs, 0
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise FlowError(f"flow {flow!r} runs in a circle at node {node!r} without a caller")


@attrs.frozen
class Flow:
    """A flow as loaded and checked: every name in it is known. It never changes."""

    name: str
    start: str
    nodes: Mapping[str, tuple[Placed, ...]]
    voice: str | None = None
    """The voice of what no other one is named for."""
    voices: Mapping[str, str] = attrs.field(factory=dict)
    """The voices of its languages, by their tags, where it has several."""
    language: str = LANGUAGE
    """The tag of the language in which it begins."""
    constants: Mapping[str, str] = attrs.field(factory=dict)
    """Facts that are the same for every call."""
    pronunciation: Pronunciation = attrs.field(factory=Pronunciation)
    on_error: str | None = None
    on_silence: str | None = None
    """Where a step leads that nobody has answered, if it names no node for that itself."""
    on_hangup: str | None = None
    max_seconds: int | None = None
    """How long a call may last that began in it; None: as long as the guard lets it."""
    on_machine: OnMachine | None = None
    """What happens when an answering machine takes a call that we place; None: nobody finds out."""
    message: str | None = None
    """The node that is what a machine is told, after its beep."""
    disclose: Template | None = None
    """What the caller is told before the first agent speaks: that it is one."""
    opt_out: OptOut | None = None
    """How a human says that they do not want to be called any more."""
    variables: tuple[str, ...] | None = None
    """What a request for such a call must bring, by name; None: the flow does not say."""
    sounds: Mapping[str, bytes] = attrs.field(factory=dict, repr=False)
    """The audio of every file its steps mention, by the name they use."""
    calendars: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict, repr=False)
    """The holidays of every calendar its steps mention: date (`2026-12-25`) and name, by the name they use."""

    @property
    def has_agent(self) -> bool:
        """Whether any of its steps gives the line to an agent."""
        return any(placed.step.mentions().agents for steps in self.nodes.values() for placed in steps)

    def voice_of(self, language: str) -> str | None:
        """The voice that speaks this language in it."""
        return self.voices.get(language) or self.voices.get(language.partition("-")[0]) or self.voice

    async def run(self, call: LivingCall, run: Run) -> Ending:
        """Walk from the call's position (its start, at first) to the end; how the call shall be called ended.

        Raises CallOver when the run was stopped.
        """
        node, number = call.position[0][1:] if call.position else (self.start, 0)
        run.below = tuple(call.position[1:])
        if call.record.opted_out is not None:  # the line was lost before they were told
            return await self._take_leave(call, run)
        while True:
            try:
                ending = _ending(await self._walk(call, run, node, number))
                if ending is Ending.COMPLETED:
                    at = call.position[0][1]
                    call.position = [(self.name, at, len(self.nodes[at]))]  # whoever comes back has said it all
                    run.step = call.verdict()
                    await run.step
                    run.check()
                return ending
            except (VoicedError, CancelledError) as error:
                run.check()
                if run.leaving:
                    return await self._take_leave(call, run)
                if (elsewhere := run.diverted()) is not None:
                    node, number = elsewhere, 0
                    continue
                ours = isinstance(error, VoicedError)
                self._failed(call, str(error) if ours else "a step was cancelled, and not by us")
            except Exception:  # noqa: BLE001 - a fault of ours or of a plugin: logged, and the call ends politely
                log.failure("{call}: a step raised what no step may raise", call=call.info.sid)
                call.record.faults.append("a fault of ours; the log has its traceback")
                return await self._apologise(call, run, Ending.BUG)
            if call.rescued or self.on_error is None:
                return await self._apologise(call, run, Ending.FAILED)
            call.rescued, node, number, run.steps = True, self.on_error, 0, 0

    async def run_within(self, call: Verbs, run: Run) -> Back | End:
        """Walk through it for a step of another flow, which stands last in the call's position.

        Its own `on_error` comes before that of the other flow. Raises what a step raises.
        """
        depth = len(call.position)
        if depth >= DEEPEST:
            raise FlowError(f"flow {self.name!r} is the {DEEPEST}th of flows that call one another")
        node, number = self.start, 0
        if run.resumes(self.name):
            (_, node, number), *below = run.below
            run.below = tuple(below)
        try:
            return await self._walk(call, run, node, number, depth)
        except VoicedError as error:
            run.check()
            if run.diversion is not None or run.leaving or call.rescued or self.on_error is None:
                raise
            self._failed(call, str(error))
            call.rescued, run.steps = True, 0
            return await self._walk(call, run, self.on_error, 0, depth)

    async def part(self, call: LivingCall, run: Run) -> None:
        """The `on_hangup` node: what is done after the caller has gone, when nothing can be said any more."""
        if self.on_hangup is not None:
            await self._walk(call, run, self.on_hangup, 0)

    async def _walk(self, call: Verbs, run: Run, node: str | None, number: int, depth: int = 0) -> Back | End:
        while node is not None:
            steps = self.nodes[node]
            came_from, node = node, None
            for place in range(number, len(steps)):
                run.count(call.inputs, self.name, came_from)
                del call.position[depth:]
                call.position.append((self.name, came_from, place))
                step = run.step = Deferred.fromCoroutine(self._step(call, run, came_from, place, steps[place]))
                follow = await step
                run.below = ()
                run.check()
                if run.leaving or (depth and run.diversion is not None):  # the flow that came first does what follows
                    raise CancelledError
                if (elsewhere := run.diverted()) is not None:
                    node = elsewhere
                    break
                if isinstance(follow, Back | End):
                    return follow
                if follow is not None:
                    node = str(follow)
                    break
            number = 0
        return Back()

    async def _step(self, call: Verbs, run: Run, node: str, place: int, placed: Placed) -> object:
        record = StepRecord(node, place + 1, placed.verb, call.clock.seconds(), flow=self.name)
        call.record.steps.append(record)
        outer, call.stepping = call.stepping, record
        call.changed()
        log.debug("{call}: {node} {number} {verb}", call=call.info.sid, node=node, number=place + 1, verb=placed.verb)
        try:
            self._resume(call, run, placed)
            follow = await placed.step.run(call)
            record.result = record.result or "done"
        except CancelledError:
            record.result = "cut off"
            raise
        except VoicedError as error:
            record.result = f"failed: {error}"
            raise
        except Exception:
            record.result = "failed: a fault in the step"
            raise
        finally:
            record.ended = call.clock.seconds()
            call.stepping = outer
            call.step_over()
            call.remember_private()
            call.changed()
        if isinstance(follow, str):
            record.result += f" -> {follow}"
        return follow

    def _resume(self, call: Verbs, run: Run, placed: Placed) -> None:
        """Have the step go on as it wants to, if it is the one in which a daemon before us went. Raises FlowError."""
        departure = run.resumed
        if departure is None or run.below:  # not it, but one that had called the flow that it is in
            return
        run.resumed = None
        if placed.resume is not Resume.CONTINUE:
            call.begin_anew()
            call.forget_keys()
        if placed.resume is Resume.ON_ERROR:
            went = departure.value
            raise FlowError(f"the daemon was {went} in this step, which is not run twice (`resume: on_error`)")

    async def _apologise(self, call: LivingCall, run: Run, ending: Ending) -> Ending:
        """Say sorry with the flow's own voice; where that fails too, the carrier says it."""
        run.sorry = True
        apology = call.program.apology
        try:
            await call.say(Template.plain(apology), interruptible=False)
        except VoicedError:
            run.check()
            call.then(Apologise(apology))
        if run.leaving:  # they have opted out of being called meanwhile
            await self._take_leave(call, run)
        return ending

    async def _take_leave(self, call: LivingCall, run: Run) -> Ending:
        """Confirm to a human who has opted out that they have; where the voice fails, the carrier does."""
        run.sorry = True
        call.then(HangUp())
        try:
            call.interrupt()
            await call.say(call.confirmation, interruptible=False)
        except VoicedError:
            run.check()
            call.then(Apologise(call.confirmation.fill(call.facts, call.language)))
        return Ending.COMPLETED

    def _failed(self, call: Verbs, why: str) -> None:
        _, node, place = call.position[-1]
        log.warn(
            "{call}: {node} {number} failed: {error}", call=call.info.sid, node=node, number=place + 1, error=why
        )
        call.record.faults.append(why)


def _ending(came: Back | End) -> Ending:
    """How the call is called ended whose flow has come to its end so."""
    return Ending(came.value) if isinstance(came, End) else Ending.COMPLETED

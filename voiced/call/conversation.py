"""One agent's time on the line: what it may do there, how long, and what is kept of it.

Whatever agent it is, the caller is never left in silence with it: an agent that is not there in time, goes quiet when
it is its turn, or breaks, loses the line, and the flow goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import attrs
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call import audio
from voiced.call.activity import FRAMES, Activity
from voiced.call.playback import Playback, Speech
from voiced.call.records import AgentRecord, Said
from voiced.call.transcript import Transcript
from voiced.call.vigil import Vigil
from voiced.call.watched import WatchedTools
from voiced.errors import AgentError, CallOver
from voiced.ivoiced import (
    AgentLimits,
    Brief,
    Deliver,
    Heard,
    IAgent,
    ICall,
    ILine,
    ISpeech,
    Outcome,
    Who,
)
from voiced.iwatch import IWatch, Unwatched

MOST_LEFT = 8.0
"""Seconds of speech that are still heard of an agent that loses the line; one that is further ahead is cut."""
EARLY_BYTES = 5 * audio.RATE
"""What is kept of the caller's audio for an agent that does not hear yet: 5 s, the newest."""

log = Logger()


class Ears(Protocol):
    """Who listens for the caller to interrupt (voiced.call.bargein)."""

    def hear(self, frame: bytes) -> None:
        """The caller's audio."""

    def stop(self) -> None:
        """No more."""


@implementer(ILine)
class Conversation:
    """An agent with the line. `begin` gives the Deferred that the flow waits for; cancelling it takes the line back.

    `record` is kept up to date by its end, however it comes; `caller_said(text)` is told what the caller says,
    `grown()` when there is a line more: something the agent said is heard, or the caller has said something;
    `arrived()` when the agent says that it is there.
    """

    def __init__(
        self,
        call: ICall,
        speaker: Playback,
        limits: AgentLimits,
        record: AgentRecord,
        caller_said: Callable[[str], object] = lambda text: None,
        watch: IWatch | None = None,
        grown: Callable[[], object] = lambda: None,
        arrived: Callable[[], object] = lambda: None,
    ) -> None:
        self.record = record
        self._arrived = arrived
        self._grown = grown
        self._watch = watch or Unwatched()
        self._caller_said = caller_said
        self._call = call
        self._clock: IReactorTime = call.clock
        self._speaker = speaker
        self._transcript = Transcript()
        self._open: list[Speech] = []
        """What the agent has begun to say and not ended."""
        self._ears: Ears | None = None
        self._early: list[bytes] = []
        self._deliver: Deliver | None = self._keep
        self._keys: Callable[[str], object] | None = None
        self._activity = Activity()
        self._unlooked: list[bytes] = []
        """What the caller's line gave and was not looked at: it takes as many frames as that for a sound, and to look
        at them together costs less."""
        self._vigil = Vigil(
            self._clock, limits, lambda: self._occupied, self._leave, self._fail, self._watch.dead_air
        )
        self._tools: WatchedTools | None = None
        self.heard_caller = False
        """Whether anything came of the caller: a sound, a word, a key."""
        self._over = False
        self._hearing_out: Deferred[None] = succeed(None)
        self._result: Deferred[Outcome] = Deferred(self._taken_back)

    def begin(self, agent: IAgent, brief: Brief, ears: Ears | None = None) -> Deferred[Outcome]:
        """Hand over; fires with the Outcome when what the agent said is heard. Fails with AgentError.

        `ears` get all the caller's audio, before the agent.
        """
        self._ears = ears
        self._speaker.keep(ears is not None)  # nobody else pauses
        self._vigil.begin()
        if brief.tools is not None:
            self._tools = WatchedTools(brief.tools, self._clock, self._vigil.caller_waits, self.record.tools)
            brief = attrs.evolve(brief, tools=self._tools)
        self._agent = maybeDeferred(agent.converse, self, self._call, brief)
        self._agent.addCallbacks(self._left, self._broke)
        return self._result

    def lines(self) -> list[Said]:
        """What was said so far; of the agent, what was heard."""
        return self._transcript.lines()

    # What the call tells us

    def heard(self, frame: bytes) -> None:
        """Audio of the caller."""
        if self._ears is not None and self._deliver is not None:
            self._ears.hear(frame)
        unlooked = self._unlooked
        unlooked.append(frame)
        if len(unlooked) == FRAMES:
            self._look()
        if self._deliver is not None:
            try:
                self._deliver(frame)
            except Exception:  # noqa: BLE001 - as in _hand, which would be a call more for each frame
                self._broke(Failure())

    def _look(self) -> None:
        """Whether there is a sound in it."""
        active = [self._activity.feed(frame) for frame in self._unlooked]
        self._unlooked.clear()
        if any(active):
            self.heard_caller = True
            self._vigil.sign_of_life()

    def key(self, key: str) -> None:
        """A key of the caller."""
        self.heard_caller = True
        self._vigil.sign_of_life()
        if self._keys is not None:
            self._hand(self._keys, key)

    def _hand(self, deliver: Callable[[Any], object], what: object) -> None:
        """Give it to the agent; a fault of the agent's is not the stream's."""
        try:
            deliver(what)
        except Exception:  # noqa: BLE001 - a plugin's fault: logged, and the agent loses the line
            self._broke(Failure())

    # What our own ears do (bargein.Saying)

    @property
    def playing(self) -> bool:
        """Whether the agent is to be heard, and may be interrupted."""
        return self._speaker.playing and not self._speaker.protected

    def pause(self) -> None:
        """The caller may be interrupting."""
        self._speaker.pause()

    def resume(self) -> None:
        """It was nothing."""
        self._speaker.resume()
        self._vigil.agent_goes_on(self._speaker.queued)

    def cut(self) -> None:
        """The caller has interrupted."""
        self._vigil.agent_falls_silent()
        self._vigil.caller_waits()
        self._speaker.interrupt()  # last: the agent may answer at once

    # What the agent does (ILine)

    def ready(self) -> None:
        """See ILine."""
        if self._vigil.waiting:
            self._vigil.agent_comes()
            self.record.ready_ms = self._since(self.record.began)
            self._watch.agent_ready(self.record.ready_ms / 1000)
        self._arrived()

    def hear(self, deliver: Deliver | None) -> None:
        """See ILine."""
        if self._over:
            return
        self._deliver = deliver
        if deliver is None and self._ears is not None:
            self._ears.stop()
        early, self._early = self._early, []
        for frame in early:
            if deliver is not None and self._deliver is deliver:
                self._hand(deliver, frame)

    def keys(self, deliver: Callable[[str], object] | None) -> None:
        """See ILine."""
        self._keys = None if self._over else deliver

    def speak(self) -> ISpeech:
        """See ILine."""
        self._check()
        speech = self._speaker.speak(self._fed)
        self._open = [each for each in self._open if not each.ended]
        self._open.append(speech)
        speech.done.addCallback(self._heard)
        return speech

    def send_audio(self, audio: bytes) -> None:
        """See ILine."""
        self._check()
        self._speaker.send(audio)
        self._fed()

    @property
    def queued(self) -> float:
        """See ILine."""
        return self._speaker.queued

    @property
    def guarded(self) -> bool:
        """See ILine."""
        return self._ears is not None

    def clear(self) -> None:
        """See ILine."""
        self._check()
        if not self._speaker.protected:
            self._vigil.agent_falls_silent()
            self._speaker.interrupt()

    def when_heard(self) -> Deferred[None]:
        """See ILine."""
        return self._speaker.when_heard()

    def said(self, who: Who, text: str, speech: ISpeech | None = None) -> None:
        """See ILine."""
        if self._over:
            return
        self._transcript.add(who, text, self._clock.seconds(), speech)
        if who is Who.CALLER:
            self.heard_caller = True
            self._vigil.caller_waits()
            self._caller_said(text)
            self._grown()

    def corrected(self, text: str) -> None:
        """See ILine."""
        self._transcript.correct(text)

    def conversation(self, name: str) -> None:
        """See ILine."""
        self.record.conversation = name

    def caller_active(self) -> None:
        """See ILine."""
        self._vigil.sign_of_life()

    def caller_waits(self, waits: bool = True) -> None:
        """See ILine."""
        self._vigil.caller_waits(waits)

    # Within

    def _keep(self, frame: bytes) -> None:
        self._early.append(frame)
        if len(self._early) * len(frame) > EARLY_BYTES:
            self._early.pop(0)

    def _heard(self, heard: Heard) -> Heard:
        self._grown()
        return heard

    def _fed(self) -> None:
        """The agent has sent audio."""
        if self._over:
            return
        if self.record.first_audio_ms is None:
            self.record.first_audio_ms = self._since(self.record.began)
        vigil = self._vigil
        if vigil.awaits_agent:
            vigil.agent_speaks()
        vigil.quiet_since = self._speaker.until

    @property
    def _occupied(self) -> bool:
        return self._speaker.playing or (self._tools is not None and self._tools.at_work > 0)

    def _check(self) -> None:
        if self._over:
            raise CallOver

    def _left(self, outcome: Outcome) -> None:
        """The agent has ended the conversation: the flow goes on when what it said is heard."""
        if self._over:
            return
        if not isinstance(outcome, Outcome):
            self._broke(Failure(TypeError(f"an agent fires with an Outcome, not with {type(outcome).__name__}")))
            return
        self._close(outcome.name, "")
        self._hearing_out = self._speaker.when_heard()
        self._hearing_out.addCallbacks(lambda _: self._hand_back(outcome), lambda cancelled: None)

    def _leave(self, outcome: Outcome) -> None:
        """The agent loses the line, in order."""
        self._close(outcome.name, "")
        self._bound()
        self._cancel_agent()
        self._hand_back(outcome)

    def _broke(self, failure: Failure) -> None:
        if self._over:
            if failure.check(CancelledError, AgentError, CallOver) is None:
                log.failure("{call}: an agent broke when it was stopped", failure, call=self._call.info.sid)
            return
        if isinstance(failure.value, AgentError):
            self._fail(failure.getErrorMessage(), failure.value.kind)
            return
        if failure.check(CancelledError):
            self._fail("the agent gave up without saying why", "failed")
            return
        log.failure("{call}: an agent broke by a fault of its own", failure, call=self._call.info.sid)
        self._fail(f"the agent has a fault ({type(failure.value).__name__}): the log has its traceback", "fault")

    def _fail(self, why: str, kind: str) -> None:
        """The agent loses the line, in disorder."""
        self._watch.agent_failed(kind, self.record.agent, self._call.info.sid)
        self._close("failed", why)
        self._bound()
        self._cancel_agent()
        self._result.errback(AgentError(why, self._facts(), kind=kind))

    def _taken_back(self, _: object) -> None:
        """The flow was stopped: the caller has hung up, or the daemon stops."""
        if not self._over:
            self._close("cut off", "")
        self.record.transcript = self.lines()
        self._cancel_agent()
        self._hearing_out.cancel()

    def _bound(self) -> None:
        """What the agent had said is heard to its end, unless that is far."""
        if self._speaker.queued > MOST_LEFT:
            self._speaker.interrupt()

    def _cancel_agent(self) -> None:
        try:
            self._agent.cancel()
        except Exception:  # noqa: BLE001 - whatever an agent's canceller raises: the line is not its any more
            log.failure("{call}: an agent cannot be cancelled", call=self._call.info.sid)

    def _close(self, outcome: str, error: str) -> None:
        """From now on the line is not the agent's."""
        self._look()
        self._over = True
        self._speaker.keep(True)
        self._deliver = self._keys = None
        if self._ears is not None:
            self._ears.stop()
        self._vigil.end()
        for speech in self._open:
            speech.end()
        self.record.outcome, self.record.error = outcome, error
        self.record.ended = self._clock.seconds()
        log.info(
            "{call}: agent {agent}: {outcome} after {seconds:.1f} s",
            call=self._call.info.sid,
            agent=self.record.agent,
            outcome=outcome,
            seconds=self.record.ended - self.record.began,
        )

    def _hand_back(self, outcome: Outcome) -> None:
        self._result.callback(attrs.evolve(outcome, facts={**outcome.facts, **self._facts()}))

    def _facts(self) -> dict[str, str]:
        """What the flow may read of the conversation."""
        lines = self.record.transcript = self.lines()
        transcript = "\n".join(f"{line.who}: {line.text}" for line in lines)
        return {"conversation": self.record.conversation, "transcript": transcript}

    def _since(self, began: float) -> float:
        return round((self._clock.seconds() - began) * 1000, 1)

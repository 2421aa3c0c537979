"""Conversing: one conversation of the local agent: ears, brain and mouth, and whose turn it is."""

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.agents.brains.brain import IBrain
from voiced.agents.talking.mouth import Mouth
from voiced.agents.talking.sentences import split
from voiced.agents.talking.talk import Talk
from voiced.agents.talking.turntaking import Patience, TurnTaking
from voiced.errors import AgentError, VoicedError
from voiced.ivoiced import IHearing, ILine, ISpeech, ITTSEngine, Outcome, Utterance, Who

_log = Logger()

_ECHO = 0.4
"""Seconds after our last word in which what is heard may still be its echo: 0.12 s on its way, and its tail."""
_KEYS_APART = 1.0
"""Seconds after a key in which the next one belongs to the same number; `#` ends it at once."""


class Conversing:
    """From `begin` until `done` fires with the Outcome (or AgentError). Cancelling `done` stops everything at once.

    The caller's words wait in the Talk until they can be answered: when nothing of ours is heard. A caller who goes
    on before the first sound of an answer gets none to the half of it: what comes is answered together with it.
    """

    def __init__(
        self, line: ILine, voice: ITTSEngine, hearing: IHearing, brain: IBrain, talk: Talk, patience: Patience
    ) -> None:
        self.done: Deferred[Outcome] = Deferred(lambda _: self._stop())
        self._line = line
        self._brain = brain
        self._talk = talk
        self._clock = talk.call.clock
        self._mouth = Mouth(line, voice, self)
        self._turns = TurnTaking(hearing, self._clock, patience, brain.understands, self)
        self._answer: Deferred[Outcome | None] | None = None
        """The answer that the brain works on ..."""
        self._answering = 0
        """... and the number of the caller's turn that it, or the last one, is for (0: what is said first)."""
        self._began: float | None = None
        """When the caller began what is not over."""
        self._heard_until: float | None = None
        """When our last word was heard, unless it was cut."""
        self._overheard = ""
        """What was said over us last, and may still turn out to be what cuts us."""
        self._outcome: Outcome | None = None
        """How it ends when all is heard: the brain has decided."""
        self._keys = ""
        self._keys_end: IDelayedCall | None = None

    def begin(self, greeting: tuple[str, bool] | None) -> None:
        """Take the line, and say this first (a text, and whether it may be kept)."""
        self._line.ready()
        if greeting is not None:
            for sentence in split(greeting[0]):
                self._say(Utterance(sentence, keep=greeting[1]))
        if not self.done.called:
            self._line.keys(self._key)
            self._line.hear(self._turns.feed)

    # The ears (turntaking.Listener)

    def speaks(self) -> None:
        """See Listener."""
        if self._began is None:
            self._began = self._clock.seconds()
        if not self._mouth.audible:
            self._line.caller_active()
            self._line.caller_waits()
            self._mouth.hold()

    def perhaps(self, text: str | None) -> None:
        """See Listener."""
        wanted = text is not None and self._answer is None and not self._mouth.busy
        sentence = self._brain.foresee(f"{self._talk.said} {text}".strip()) if wanted else None
        self._mouth.prepare(None if sentence is None else self._ours(sentence))

    def turn(self, text: str, quiet: float) -> None:
        """See Listener."""
        if self._line.guarded and self._said_over_us(quiet):  # a cough, a nod, our own echo: words will have cut us
            self._overheard = text
            self.no_words()
            return
        self._began = None
        self._line.said(Who.CALLER, text)
        self._heard(text)

    def no_words(self) -> None:
        """See Listener."""
        self._began = None
        self._mouth.release()
        if self._answer is None and not self._mouth.busy:
            if not self._talk.said:
                self._line.caller_waits(False)
            self._reply()

    def _said_over_us(self, quiet: float) -> bool:
        """Whether what has been over for so many seconds began and ended while we were heard, but for an echo."""
        if self._mouth.audible:
            return True
        ended, ours = self._clock.seconds() - quiet, self._heard_until
        return ours is not None and self._began is not None and self._began < ours and ended <= ours + _ECHO

    def deaf(self, failure: Failure) -> None:
        """See Listener."""
        self._fail("the local agent cannot hear", failure)

    def _key(self, key: str) -> None:
        """A key cuts what is being said, as it does outside of conversations."""
        self._line.caller_active()
        if self._mouth.audible:
            self._line.clear()
        if self.done.called or self._outcome is not None:
            return
        self._keys += key
        if self._keys_end is not None:
            self._keys_end.cancel()
        self._keys_end = self._clock.callLater(0 if key == "#" else _KEYS_APART, self._number)

    def _number(self) -> None:
        """The keys are a number: the caller has said it."""
        keys, self._keys, self._keys_end = self._keys, "", None
        self._line.said(Who.CALLER, "".join(map(self._talk.call.key_note, keys)))
        self._heard(keys.rstrip("#") or keys)

    # The mouth (mouth.Speaker)

    def began(self, text: str, speech: ISpeech) -> None:
        """See Speaker."""
        self._settle()
        self._talk.agent_said(text, speech)
        self._line.said(Who.AGENT, text, speech)

    def quiet(self) -> None:
        """See Speaker."""
        self._heard_until, self._overheard = self._clock.seconds(), ""
        if self._answer is None:  # else the brain has more to say
            self._our_turn_is_over()

    def cut(self) -> None:
        """See Speaker."""
        self._heard_until = None
        self._drop_answer()
        if self._overheard:  # the call takes longer to decide than a short word's turn
            text, self._overheard = self._overheard, ""
            self._line.said(Who.CALLER, text)
            self._talk.caller_said(text)
        self._our_turn_is_over()

    def dumb(self, failure: Failure) -> None:
        """See Speaker."""
        self._fail("the local agent cannot speak", failure)

    # Whose turn it is

    def _heard(self, text: str) -> None:
        """The caller has said this. While we are heard it waits: the call decides whether it cuts us."""
        self._talk.caller_said(text)
        if self._mouth.audible:
            self._mouth.release()
        else:
            self._drop_answer()
            self._mouth.forget()
            self._reply()

    def _our_turn_is_over(self) -> None:
        if self._outcome is not None:
            self._end(self._outcome)
            return
        self._talk.drop_nods()
        if not self._turns.speaking:
            self._reply()

    def _reply(self) -> None:
        """Answer what the caller has said, if anything."""
        if not self._talk.said or self.done.called:
            return
        self._answering = self._talk.turns
        answer = maybeDeferred(self._brain.answer, self._say)
        self._answer = answer
        answer.addCallbacks(self._answered, self._confused, errbackArgs=(answer,))
        if self.done.called:
            self._drop_answer()  # it was stopped because of what the brain said at once

    def _say(self, sentence: Utterance) -> None:
        if not self.done.called:
            self._mouth.say(self._ours(sentence))

    def _ours(self, sentence: Utterance) -> Utterance:
        return attrs.evolve(sentence, call=self._talk.call.info.sid)

    def _settle(self) -> None:
        """What is being answered is answered; what was said since is not."""
        if self._talk.turns == self._answering:
            self._talk.answered()

    def _answered(self, outcome: Outcome | None) -> None:
        self._answer = None
        if outcome is not None:
            self._leave(outcome)
        if not self._mouth.busy:
            self._settle()  # where the brain had nothing to say
            self._our_turn_is_over()

    def _confused(self, failure: Failure, answer: object) -> None:
        if self._answer is answer:
            self._fail("the local agent cannot think", failure)

    def _drop_answer(self) -> None:
        if self._answer is not None:
            answer, self._answer = self._answer, None
            answer.cancel()

    # How it ends

    def _leave(self, outcome: Outcome) -> None:
        """What is said now is the last of it, whatever the caller says."""
        self._outcome = outcome
        self._close_ears()
        self._mouth.release()

    def _end(self, result: Outcome | Failure) -> None:
        if not self.done.called:
            self._stop()
            self.done.callback(result)

    def _fail(self, what: str, failure: Failure) -> None:
        error: object = failure.value
        if not isinstance(error, VoicedError):
            _log.failure("{call}: {what}", failure, call=self._talk.call.info.sid, what=what)
            error = f"a fault of its own ({type(error).__name__}); the log has its traceback"
        self._end(Failure(error if isinstance(error, AgentError) else AgentError(f"{what}: {error}")))

    def _close_ears(self) -> None:
        self._line.hear(None)
        self._line.keys(None)
        self._turns.stop()
        if self._keys_end is not None:
            self._keys_end.cancel()
            self._keys_end = None

    def _stop(self) -> None:
        self._close_ears()
        self._mouth.stop()
        self._drop_answer()

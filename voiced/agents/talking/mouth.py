"""Mouth: says one sentence after the other on the line, each synthesized while the one before it is heard."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from voiced.errors import CallOver
from voiced.ivoiced import Heard, ILine, ISpeech, ITTSEngine, Utterance

_AHEAD = 2
"""Sentences that are synthesized and not heard yet, at most: more would be wasted when the caller interrupts."""


class Speaker(Protocol):
    """Who is told how the speaking goes."""

    def began(self, text: str, speech: ISpeech) -> None:
        """The first sound of this sentence is there; it goes to the line right after this."""

    def quiet(self) -> None:
        """All that was to be said has been heard."""

    def cut(self) -> None:
        """The caller has interrupted; what was still to be said is forgotten."""

    def dumb(self, failure: Failure) -> None:
        """The voice broke (SynthesisError), or the caller is gone (CallOver)."""


class Mouth:
    """A queue of sentences, on their way to the line."""

    def __init__(self, line: ILine, voice: ITTSEngine, speaker: Speaker) -> None:
        self._line = line
        self._voice = voice
        self._speaker = speaker
        self._queue: deque[Utterance] = deque()
        self._prepared: _Saying | None = None
        self._saying: _Saying | None = None
        self._open: list[ISpeech] = []
        self._held = False

    @property
    def audible(self) -> bool:
        """Whether the caller hears something of it, or is about to."""
        return bool(self._open)

    @property
    def busy(self) -> bool:
        """Whether there is something that is not heard yet."""
        return bool(self._queue or self._open or self._saying)

    def prepare(self, utterance: Utterance | None) -> None:
        """This may well be said next (None: nothing may): it is synthesized already, and kept until it is."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None:
            prepared.stop()
        if utterance is not None:
            self._prepared = _Saying(utterance)
            self._prepared.start(self._voice)

    def say(self, utterance: Utterance) -> None:
        """Say this next."""
        self._queue.append(utterance)
        self._next()

    def hold(self) -> None:
        """Let nothing new be heard: the caller speaks, and we had not begun."""
        self._held = True
        if self._saying is not None:
            self._saying.hold()

    def release(self) -> None:
        """Go on."""
        held, self._held = self._held, False
        if held and self._saying is not None:
            self._saying.speak(self._begin, self._said)
        self._next()

    def forget(self) -> None:
        """What has not begun is not said, and of what has begun no more is synthesized. Nobody is told."""
        self._queue.clear()
        self._held = False
        if self._saying is not None:
            saying, self._saying = self._saying, None
            saying.stop()

    def stop(self) -> None:
        """Forget, and tell nobody anything any more; what the line has plays on."""
        self._open.clear()
        self.prepare(None)
        self.forget()

    def _next(self) -> None:
        if not self._queue or self._saying is not None or len(self._open) >= _AHEAD:
            return
        utterance = self._queue.popleft()
        if self._prepared is not None and self._prepared.utterance == utterance:
            self._saying, self._prepared = self._prepared, None
        else:
            self.prepare(None)
            self._saying = _Saying(utterance)
            self._saying.start(self._voice)
        if not self._held:
            self._saying.speak(self._begin, self._said)

    def _begin(self, text: str) -> ISpeech:
        speech = self._line.speak()
        self._open.append(speech)
        self._speaker.began(text, speech)
        speech.done.addCallback(partial(self._heard, speech))
        return speech

    def _said(self, saying: _Saying, failure: Failure | None) -> None:
        if self._saying is not saying:
            return
        if failure is not None:
            self.stop()
            self._speaker.dumb(failure)
            return
        self._saying = None
        if saying.speech is not None:
            saying.speech.end()
        self._next()

    def _heard(self, speech: ISpeech, heard: Heard) -> Heard:
        if speech not in self._open:
            return heard
        if heard.cut:
            self.stop()
            self._speaker.cut()
            return heard
        self._open.remove(speech)
        self._next()
        if not self.busy:
            self._speaker.quiet()
        return heard


class _Saying:
    """One sentence, from the voice to the line: synthesized from `start` on, and heard from `speak` on."""

    def __init__(self, utterance: Utterance) -> None:
        self.utterance = utterance
        self.speech: ISpeech | None = None
        self._audio: deque[bytes] = deque()
        """What was synthesized and is not on the line yet."""
        self._synthesis: Deferred[None] | None = None
        self._ended: list[Failure | None] = []
        """How the synthesis ended, when it has."""
        self._begin: Callable[[str], ISpeech] | None = None
        self._stopped = False

    def start(self, voice: ITTSEngine) -> None:
        """Have it synthesized."""
        self._synthesis = voice.synthesize(self.utterance, self._piece)
        if self._stopped:
            self._synthesis.cancel()  # because of what it delivered at once
        self._synthesis.addBoth(self._end)

    def speak(self, begin: Callable[[str], ISpeech], over: Callable[[_Saying, Failure | None], None]) -> None:
        """Let it be heard. `begin` gives its speech at the first sound; `over` is told how it ended."""
        self._begin, self._over = begin, over
        self._flow()

    def hold(self) -> None:
        """Let it not be heard yet, if it is not heard already."""
        if self.speech is None:
            self._begin = None

    def stop(self) -> None:
        """No more of it; nobody is told."""
        self._stopped = True
        if self._synthesis is not None:
            self._synthesis.cancel()
        if self.speech is not None:
            self.speech.end()

    def _piece(self, audio: bytes) -> None:
        self._audio.append(audio)
        self._flow()

    def _end(self, result: Failure | None) -> None:
        self._ended.append(result)
        self._flow()

    def _flow(self) -> None:
        """Send on what is there."""
        try:
            while self._audio and self._begin is not None and not self._stopped:
                if self.speech is None:
                    self.speech = self._begin(self.utterance.text)
                self.speech.feed(self._audio.popleft())
        except CallOver:  # not to be taken for a fault of the voice
            self._over(self, Failure())
        if self._ended and self._begin is not None and not self._stopped:
            self._over(self, self._ended[0])

"""Voice: the policy around every voice: silence is a failure, and a failure is spoken by another voice."""

from __future__ import annotations

from collections.abc import Callable

import attrs
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.call.audio import silence
from voiced.errors import SynthesisError
from voiced.ivoiced import Deliver, ITTSEngine, Utterance
from voiced.iwatch import IWatch, Unwatched

_log = Logger()

REST = 20.0
"""Seconds that an engine in trouble is left alone."""
BREATH = 0.25
"""Seconds of silence between what a voice said before it broke and the fallback voice, which says all of it again."""


@implementer(ITTSEngine)
class Voice:
    """An engine that is given `first_audio` seconds to begin and `stall` seconds between two pieces, and a fallback.

    When the engine fails, is late, or stops in the middle, it is cancelled and `fallback`, under the same limits,
    speaks the whole text: half a sentence helps nobody, and hearing its beginning twice harms nobody. A fallback that
    is a Voice brings its own fallback. Whatever an engine does wrong, a Voice fails with SynthesisError only; an
    engine's own fault is logged with its traceback.

    An engine that was late or out of reach is not asked for the next `REST` seconds, if there is a fallback: each
    prompt would cost the caller the same silence again. What it has said before (the cache) is spoken all the same.
    """

    def __init__(
        self,
        engine: ITTSEngine,
        clock: IReactorTime,
        fallback: ITTSEngine | None = None,
        first_audio: float = 1.5,
        stall: float = 5.0,
        watch: IWatch | None = None,
        name: str = "",
    ) -> None:
        self.names: tuple[str, ...] = (name,)
        """Whose name in voiced.yaml each of `engines` has."""
        self.engines: tuple[ITTSEngine, ...] = (engine,)
        """The engine, and those that speak when it does not, in order."""
        if isinstance(fallback, Voice):
            self.engines += fallback.engines
            self.names += fallback.names
        elif fallback is not None:
            self.engines += (fallback,)
            self.names += ("",)
        self._limits = _Limits(clock, first_audio, stall)
        self._watch = watch or Unwatched()
        self._rests_until = 0.0

    def synthesize(self, utterance: Utterance, deliver: Deliver) -> Deferred[None]:
        """Speak it, by one voice or the other."""
        main, *others = self.engines
        resting = self._limits.clock.seconds() < self._rests_until and not _holds(main, utterance)
        engines = tuple(others) if others and resting else self.engines
        speech = _Speech(engines, utterance, deliver, self._limits, self._failed, self._spoke)
        speech.begin()
        return speech.done

    def _spoke(self, engine: ITTSEngine) -> None:
        self._watch.voice_spoke(self._name_of(engine))

    def _name_of(self, engine: ITTSEngine) -> str:
        return self.names[self.engines.index(engine)]

    def _failed(self, engine: ITTSEngine, utterance: Utterance, error: SynthesisError) -> None:
        self._watch.voice_failed(error.kind, self._name_of(engine), utterance.call)
        if engine is self.engines[0] and error.retry:
            self._rests_until = self._limits.clock.seconds() + REST


def _holds(engine: ITTSEngine, utterance: Utterance) -> bool:
    """Whether it can speak this without a vendor."""
    holds = getattr(engine, "holds", None)
    return holds is not None and bool(holds(utterance))


@attrs.frozen
class _Limits:
    """Seconds that an engine has before its first piece, and between two."""

    clock: IReactorTime
    first_audio: float
    stall: float


class _Speech:
    """One utterance, spoken by the first of the engines that can."""

    def __init__(
        self,
        engines: tuple[ITTSEngine, ...],
        utterance: Utterance,
        deliver: Deliver,
        limits: _Limits,
        failed: Callable[[ITTSEngine, Utterance, SynthesisError], None],
        spoke: Callable[[ITTSEngine], None],
    ) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self._attempt.stop())
        self._deliver = deliver
        self._call = utterance.call or "no call"
        self._attempts = [_Attempt(engine, utterance, deliver, limits, self._over) for engine in engines]
        self._engines = engines
        self._utterance = utterance
        self._failed = failed
        self._spoke = spoke
        self._kept = [_holds(engine, utterance) for engine in engines]
        """Whether each of them needs nobody for it."""
        self._errors: list[SynthesisError] = []

    @property
    def _attempt(self) -> _Attempt:
        return self._attempts[len(self._errors)]

    def begin(self) -> None:
        self._attempt.begin()

    def _over(self, error: SynthesisError | None) -> None:
        if error is not None:
            self._failed(self._engines[len(self._errors)], self._utterance, error)
        elif not self._kept[len(self._errors)]:
            self._spoke(self._engines[len(self._errors)])
        if error is None:
            self.done.callback(None)
        elif len(self._errors) + 1 == len(self._attempts):
            self.done.errback(_joined([*self._errors, error]))
        else:
            self._fall_back(error)

    def _fall_back(self, error: SynthesisError) -> None:
        _log.warn("{call}: a voice failed, so its fallback speaks: {error}", call=self._call, error=error)
        if self._attempt.heard:
            self._deliver(silence(BREATH))
        if not self.done.called:  # the breath itself may have been what made somebody cancel
            self._errors.append(error)
            self._attempt.begin()


class _Attempt:
    """One engine at one utterance, under the clock; `over` is told how it ended, unless it was stopped.

    It is over when it is late or stopped, whether or not the engine obeys; nothing is delivered afterwards.
    """

    def __init__(
        self,
        engine: ITTSEngine,
        utterance: Utterance,
        deliver: Deliver,
        limits: _Limits,
        over: Callable[[SynthesisError | None], None],
    ) -> None:
        self.heard = False
        self._engine = engine
        self._utterance = utterance
        self._limits = limits
        self._deliver: Deliver | None = deliver
        self._over = over
        self._running: Deferred[None] | None = None

    def begin(self) -> None:
        self._limit = self._limits.clock.callLater(self._limits.first_audio, self._late)
        self._running = maybeDeferred(self._engine.synthesize, self._utterance, self._piece)
        self._running.addCallbacks(self._fired, self._failed)
        if self._deliver is None:
            self._running.cancel()  # it was stopped because of what it delivered at once

    def stop(self) -> None:
        if self._deliver is None:
            return
        self._deliver = None
        if self._limit.active():
            self._limit.cancel()
        if self._running is not None:
            self._running.cancel()

    def _piece(self, audio: bytes) -> None:
        if self._deliver is not None and audio:
            self.heard = True
            self._limit.reset(self._limits.stall)
            self._deliver(audio)

    def _fired(self, _: object) -> None:
        self._end(None if self.heard else SynthesisError("the voice gave no sound for this text", kind="silent"))

    def _failed(self, failure: Failure) -> None:
        if self._deliver is None:
            return  # it was stopped, and this is how it says so
        error = failure.value
        if not isinstance(error, SynthesisError):
            _log.failure("{call}: a voice broke by a fault of its own", failure, call=self._utterance.call)
            why = f"the voice has a fault ({type(error).__name__}): the log has its traceback"
            error = SynthesisError(why, kind="fault")
        self._end(error)

    def _late(self) -> None:
        if self.heard:
            message = f"the voice stopped in the middle: no audio for {self._limits.stall:g} s"
        else:
            message = f"the voice gave no audio within {self._limits.first_audio:g} s"
        self._end(SynthesisError(message, retry=True, kind="stalled" if self.heard else "late"))

    def _end(self, error: SynthesisError | None) -> None:
        if self._deliver is not None:
            self.stop()
            self._over(error)


def _joined(errors: list[SynthesisError]) -> SynthesisError:
    """The one error of all the voices that failed."""
    if len(errors) == 1:
        return errors[0]
    message = "; and its fallback: ".join(str(error) for error in errors)
    return SynthesisError(message, retry=any(error.retry for error in errors))

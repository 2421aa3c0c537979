"""Local: a voice that runs on this machine, without an account or a network. English; needs the extra `local`."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from voiced.call.audio import silence
from voiced.errors import SynthesisError, VoicedError
from voiced.ivoiced import Deliver, ITTSEngine, Tools, Utterance
from voiced.speech.delivery import delivering

_log = Logger()

_PAUSE = 0.12
"""Seconds of silence between two sentences; with what mastering leaves around each it is about 0.2."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A voice `engine: local` of voiced.yaml."""

    # "heart" (American English, female): the one that comes with the package.
    voice: str = "heart"
    # 1 is its own pace, 0.5 slow, 2 fast.
    speed: Annotated[float, Meta(ge=0.5, le=2.0)] = 1.0

    def __post_init__(self) -> None:
        if self.voice != "heart":
            raise ValueError(
                "`voice` can only be heart: the others would be downloaded, and voiced downloads nothing"
            )


def make(settings: Settings, tools: Tools) -> ITTSEngine:
    """The voice; its model loads in the background meanwhile. Raises VoicedError when the extra is not installed."""
    try:
        model = import_module("voiced.speech.local_model")
    except ImportError as error:
        raise VoicedError(
            f"the local voice needs packages that are not installed ({error.name}): pip install 'voiced[local]'"
        ) from error
    tools.in_thread(model.warm).addErrback(lambda failure: _log.failure("The local voice does not load", failure))
    return LocalVoice(settings, tools, model)


@implementer(ITTSEngine)
class LocalVoice:
    """hibari in a worker thread, a sentence at a time: each is delivered as soon as it is synthesized.

    Cancelling skips the remaining sentences; the one in work (some 20 ms of one core) is dropped. `model` is
    voiced.speech.local_model, or something like it: `sentences(text)` and `render(sentence, speed)`.
    """

    def __init__(self, settings: Settings, tools: Tools, model: Any) -> None:
        self._speed = settings.speed
        self._in_thread = tools.in_thread
        self._model = model

    def synthesize(self, utterance: Utterance, deliver: Deliver) -> Deferred[None]:
        """One piece for each sentence."""
        return delivering(partial(self._speak, utterance.text), deliver)

    async def _speak(self, text: str, deliver: Deliver) -> None:
        pause = b""
        for sentence in self._model.sentences(text):
            audio: bytes = await self._in_thread(self._render, sentence)
            if audio:
                deliver(pause + audio)
                pause = silence(_PAUSE)
        if not pause:
            raise SynthesisError("the local voice speaks English only, and there is nothing of it in this text")

    def _render(self, sentence: str) -> bytes:
        try:
            audio: bytes = self._model.render(sentence, self._speed)
        except Exception as error:
            # In a thread, where nothing is awaited; and the errors of onnxruntime have no base of their own.
            _log.failure("The local voice broke on a sentence")
            raise SynthesisError(
                f"the local voice broke ({type(error).__name__}): the log has its traceback"
            ) from error
        return audio

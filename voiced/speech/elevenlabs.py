"""ElevenLabs: a voice over its streaming text-to-speech endpoint, as telephone audio from the first byte.

    -> POST /v1/text-to-speech/{voice}/stream?output_format=ulaw_8000   xi-api-key: …
       {"text": …, "model_id": …, "voice_settings": {…}, …}
    <- 200, chunked: headerless mu-law at 8 kHz, as it is synthesized
    <- 4xx, 5xx with a JSON `detail` (voiced.speech.refusal)

elevenlabs.io/docs, API reference, "Stream speech".
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Expired
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.web.iweb import IResponse
from zope.interface import implementer

from voiced.call.audio import RATE
from voiced.errors import SynthesisError
from voiced.ivoiced import Deliver, ITTSEngine, Tools, Utterance
from voiced.speech.body import deliver_body, drop_body
from voiced.speech.delivery import delivering
from voiced.speech.elevenlabs_settings import Settings
from voiced.speech.refusal import refusal
from voiced.speech.request import response_to

__all__ = ["ElevenLabs", "Settings", "make"]

_log = Logger()

_WAITS = (0.15, 0.4)
"""Seconds, from and to, before the request is sent again: the caller waits 1.5 s for the first byte, all in all."""
_TRIES = 3
_HEAD = 10.0
"""Seconds for the head of the response, where no Voice is in a greater hurry (prerendering)."""
_REASON_BYTES, _REASON_SECONDS = 8192, 1.0
"""How much of a refusal's body is read, and for how long."""
_CHARACTER = 1.0
"""Seconds of audio a character may give at the very most (speech gives about 0.07): more is not our text."""


def make(settings: Settings, tools: Tools) -> ITTSEngine:
    """The voice."""
    return ElevenLabs(settings, tools)


@implementer(ITTSEngine)
class ElevenLabs:
    """A voice of ElevenLabs."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings = settings
        self._http = tools.http
        self._clock = tools.reactor
        self._chance = tools.chance
        base = settings.base_url.rstrip("/")
        self._host = base.split("/")[2]
        self._url = f"{base}/v1/text-to-speech/{settings.voice}/stream"
        self._params = settings.query()
        self._body = settings.body()

    def synthesize(self, utterance: Utterance, deliver: Deliver) -> Deferred[None]:
        """Each piece is what one read of the connection gave."""
        return delivering(partial(self._speak, utterance), deliver)

    async def _speak(self, utterance: Utterance, deliver: Deliver) -> None:
        text = utterance.text
        self._check(text)
        audio = _Audio(deliver, limit=int((len(text) * _CHARACTER + 10) * RATE))
        shortest, longest = _WAITS
        for left in reversed(range(_TRIES)):
            try:
                await self._attempt(text, audio)
            except SynthesisError as error:
                # What the caller has heard is not said twice here: a Voice decides what follows.
                if audio.size or not error.retry or not left:
                    raise
                _log.debug("{call}: ElevenLabs is asked again: {error}", call=utterance.call, error=error)
                await deferLater(self._clock, shortest + self._chance() * (longest - shortest))
            else:
                return

    def _check(self, text: str) -> None:
        most = self._settings.longest
        if not text.strip():
            raise SynthesisError("there is nothing to say in this text")
        if most is not None and len(text) > most:
            raise SynthesisError(
                f"the text has {len(text)} characters, and {self._settings.model} takes {most}: split it"
            )

    async def _attempt(self, text: str, audio: _Audio) -> None:
        response = await response_to(self._request(text), self._host, self._clock, _HEAD)
        _note(response)
        if response.code != 200:
            reason = await self._reason(response)
            raise refusal(response.code, reason, voice=self._settings.voice, model=self._settings.model)
        kind = _header(response, "content-type").partition(";")[0].strip().lower()
        if kind and not kind.startswith("audio/") and kind != "application/octet-stream":
            drop_body(response)
            raise SynthesisError(f"{self._host} answered with something that is no audio: check the voice's base_url")
        await deliver_body(response, audio.deliver, self._clock)
        if not audio.size:
            raise SynthesisError("ElevenLabs gave no sound for this text")

    def _request(self, text: str) -> Any:
        # `reactor`: treq would import the global one. Redirects would take the key to another host.
        return self._http.request(
            "POST",
            self._url,
            params=self._params,
            headers={"xi-api-key": self._settings.api_key.reveal(), "content-type": "application/json"},
            data=json.dumps({"text": text, **self._body}).encode(),
            unbuffered=True,
            allow_redirects=False,
            reactor=self._clock,
        )

    async def _reason(self, response: IResponse) -> bytes:
        """The beginning of a refusal's body, or what of it came in time."""
        pieces: list[bytes] = []

        def collect(piece: bytes) -> None:
            pieces.append(piece)
            if sum(map(len, pieces)) > _REASON_BYTES:
                raise SynthesisError("enough")

        body = deliver_body(response, collect, self._clock, _REASON_SECONDS)
        try:
            await body.addTimeout(_REASON_SECONDS, self._clock)
        except (SynthesisError, Expired):
            pass  # the status alone says enough
        return b"".join(pieces)[:_REASON_BYTES]


class _Audio:
    """What was delivered of one utterance: its `size` in bytes, within a limit."""

    def __init__(self, deliver: Deliver, limit: int) -> None:
        self._deliver = deliver
        self._limit = limit
        self.size = 0

    def deliver(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.size > self._limit:
            raise SynthesisError("ElevenLabs does not stop sending audio: the rest was dropped")
        self._deliver(piece)


def _note(response: IResponse) -> None:
    """What ElevenLabs' support and the bill ask for (elevenlabs.io/docs; the older name of the cost too)."""
    _log.debug(
        "ElevenLabs answered {status}: request {request}, {cost} characters, {running} of {most} at once",
        status=response.code,
        request=_header(response, "request-id"),
        cost=_header(response, "character-cost") or _header(response, "x-character-count"),
        running=_header(response, "current-concurrent-requests"),
        most=_header(response, "maximum-concurrent-requests"),
    )


def _header(response: IResponse, name: str) -> str:
    values = response.headers.getRawHeaders(name) or [""]
    return str(values[0])

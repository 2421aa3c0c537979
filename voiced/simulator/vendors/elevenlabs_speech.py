"""ElevenLabs' text-to-speech, as much of it as a telephone needs.

    POST /v1/text-to-speech/{voice}/stream?output_format=ulaw_8000   {"text": …, "model_id": …}
    POST /v1/text-to-speech/{voice}?output_format=ulaw_8000          the same, answered in one piece
    <- 200 and headerless audio, or a JSON `detail`

Formats that are compressed (mp3, opus, which are the vendor's own default) are refused here.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from itertools import count
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.web.server import Request

from voiced.simulator.mulaw import RATE
from voiced.simulator.vendors.agent_audio import Voice, from_mulaw
from voiced.simulator.vendors.elevenlabs_refusals import invalid_body, refusal
from voiced.simulator.vendors.vendor import Asked, Refusal, Weather

FORMATS = ("ulaw_8000", "pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_32000", "pcm_44100", "pcm_48000")
LONGEST = 40_000
"""Characters that the fast models take at once."""


@define(eq=False)
class TextToSpeech:
    """How text becomes audio, and what is wrong with it; change it at any time, from the next request on."""

    voice: Voice
    """Text to mu-law at 8000."""
    weather: Weather
    voices: Collection[str] | None = None
    """The ids that there are; None: all."""
    piece: float = 1.0
    """Seconds of audio in each piece of a stream ..."""
    pace: float = 0.0
    """... and seconds between two pieces."""
    break_after: int | None = None
    """The connection breaks after so many pieces."""
    stall_after: int | None = None
    """Nothing comes after so many pieces, and the response never ends."""
    spoken: list[str] = field(factory=list)
    """The texts that were asked for, refused ones too."""
    _numbers: count[int] = field(init=False, factory=lambda: count(1))

    async def speak(self, clock: IReactorTime, request: Request, asked: Asked, voice: str, stream: bool) -> None:
        """Serve one request. Raises Refusal."""
        text = self._text(asked)
        self.spoken.append(text)
        await self.weather.pass_by(clock)
        form = asked.query.get("output_format", "mp3_44100_128")
        self._refuse(text, voice, form)
        audio = from_mulaw(self.voice(text), form)
        request.setHeader("Content-Type", "audio/basic" if form == "ulaw_8000" else "audio/pcm")
        request.setHeader("request-id", f"req_{next(self._numbers)}")
        request.setHeader("character-cost", str(len(text)))
        size = int(self.piece * len(audio) * RATE / max(1, len(self.voice(text)))) // 2 * 2 if stream else len(audio)
        if not stream:
            request.setHeader("Content-Length", str(len(audio)))
        for number, at in enumerate(range(0, len(audio), max(2, size))):
            if number and self.pace:
                await deferLater(clock, self.pace)
            await self._fail(request, number)
            request.write(audio[at : at + max(2, size)])
        request.finish()

    async def _fail(self, request: Request, number: int) -> None:
        if number == self.stall_after:
            request.write(b"")  # the head goes out, if nothing else did
            await Deferred()
        if number == self.break_after:
            request.write(b"")
            request.loseConnection()
            await Deferred()

    def _text(self, asked: Asked) -> str:
        try:
            body: Any = json.loads(asked.body)
        except ValueError as error:
            raise Refusal(422, invalid_body("json_invalid", f"JSON decode error: {error}")) from error
        text = body.get("text") if isinstance(body, dict) else None
        if not isinstance(text, str):
            raise Refusal(422, invalid_body("missing", "Field required", "text"))
        return text

    def _refuse(self, text: str, voice: str, form: str) -> None:
        if self.voices is not None and voice not in self.voices:
            raise refusal(404, "not_found", "voice_not_found", f"A voice with the voice_id {voice} was not found.")
        if form not in FORMATS:
            raise refusal(400, "validation_error", "invalid_output_format", f"This double does not speak {form}.")
        if len(text) > LONGEST:
            raise refusal(400, "validation_error", "text_too_long", f"{len(text)} characters are too many.")

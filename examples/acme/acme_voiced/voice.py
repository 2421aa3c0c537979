"""A voice of recordings: what an announcer has said once is put together again, sentence by sentence, digit by digit.

It needs no network and no account, and has begun to speak after a millisecond. A recording is a WAV file (8 kHz,
mono) that is called as its words are: `your-parcel-is-on-its-way.wav`, `7.wav`. A text of which any word was not
recorded is not spoken at all: the voice's `fallback` speaks it, whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec
from twisted.internet.defer import Deferred
from zope.interface import implementer

from voiced.call.audio import from_file, silence
from voiced.errors import SynthesisError, VoicedError
from voiced.ivoiced import Deliver, ITTSEngine, Tools, Utterance
from voiced.speech.delivery import delivering

SHIPPED = Path(__file__).parent / "sounds"
PAUSE = 0.12
"""Seconds of silence between two recordings."""

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?|\d")


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A voice `engine: acme` of voiced.yaml."""

    # The directory of the recordings, below the data directory; without it, those that come with this package.
    sounds: str | None = None


def words_of(text: str) -> tuple[str, ...]:
    """The words that are said: small letters, and each digit by itself."""
    return tuple(_WORD.findall(text.lower()))


def make(settings: Settings, tools: Tools) -> Announcer:
    """The voice. Raises VoicedError where there are no recordings: the daemon says so, and does not start."""
    directory = SHIPPED if settings.sounds is None else tools.directory / settings.sounds
    recordings = {tuple(file.stem.lower().split("-")): file for file in directory.glob("*.wav")}
    if not recordings:
        raise VoicedError(f"there are no recordings (*.wav) in {directory}: `sounds` names their directory")
    return Announcer(recordings, tools)


@implementer(ITTSEngine)
class Announcer:
    """Says what was recorded: words -> the file in which they are said."""

    def __init__(self, recordings: Mapping[tuple[str, ...], Path], tools: Tools) -> None:
        self._recordings = recordings
        self._longest = max(map(len, recordings))
        self._in_thread = tools.in_thread
        self._kept: dict[Path, bytes] = {}

    def synthesize(self, utterance: Utterance, deliver: Deliver) -> Deferred[None]:
        """One piece for each recording."""
        return delivering(partial(self._speak, utterance.text), deliver)

    async def _speak(self, text: str, deliver: Deliver) -> None:
        pause = b""
        for file in self._cut(words_of(text)):  # all of them are found before the first one is heard
            if file not in self._kept:
                self._kept[file] = await self._in_thread(_read, file)
            deliver(pause + self._kept[file])
            pause = silence(PAUSE)

    def _cut(self, words: tuple[str, ...]) -> list[Path]:
        """The recordings in which these words are said, the longest first: it sounds best. Raises SynthesisError."""
        files: list[Path] = []
        while words:
            lengths = range(min(self._longest, len(words)), 0, -1)
            length = next((length for length in lengths if words[:length] in self._recordings), 0)
            if not length:
                raise SynthesisError(f"{words[0]!r} was not recorded: record it, or set a `fallback` for this voice")
            files.append(self._recordings[words[:length]])
            words = words[length:]
        if not files:
            raise SynthesisError("there is nothing to say in this text")
        return files


def _read(file: Path) -> bytes:
    """In a worker thread: a disk may be slow, and the reactor waits for nobody."""
    try:
        audio = from_file(file.name, file.read_bytes())
    except (OSError, ValueError) as error:
        raise SynthesisError(f"the recording {file} cannot be played: {error}") from error
    if not audio:
        raise SynthesisError(f"the recording {file} is empty")
    return audio

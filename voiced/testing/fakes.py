"""Published: stand-ins for what voiced and its plugins are given, without a vendor, a thread or a network."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint
from twisted.internet.task import deferLater
from zope.interface import implementer

from voiced.call.audio import RATE, SILENCE, silence
from voiced.errors import SynthesisError, VoicedError
from voiced.ivoiced import Deliver, IHearing, ITTSEngine, Tools, Utterance
from voiced.iwatch import IWatch, Unwatched
from voiced.speech.delivery import delivering

# A voice that can be read

CELL = RATE // 20
"""Bytes of audio (50 ms) that each byte of a text becomes."""
_GAP = RATE // 100
"""Bytes of silence (10 ms) that end what `read_speech` takes for one piece of speech."""


def spell(text: str) -> bytes:
    """Audio that spells a text: each byte b of its UTF-8 becomes 50 ms of the mu-law byte b.

    No byte of UTF-8 is 0xFF, which is silence: so what a listener heard can be read, even when it was cut.
    """
    return b"".join(bytes([byte]) * CELL for byte in text.encode())


def read_speech(mulaw: bytes) -> list[str]:
    """What was said in this audio, one text for each stretch between silences of 10 ms or more.

    Less than half a cell at a cut is dropped, and so is a character that was cut in its middle.
    """
    said: list[list[int]] = [[]]
    for byte, run in itertools.groupby(mulaw):
        length = sum(1 for _ in run)
        if byte != SILENCE[0]:
            said[-1] += [byte] * ((length + CELL // 2) // CELL)
        elif length >= _GAP:
            said.append([])
    return [bytes(letters).decode(errors="ignore") for letters in said if letters]


@implementer(ITTSEngine)
class SpellingVoice:
    """A voice whose audio spells its text (`spell`), and that can be told to be late, slow or broken.

    Without a clock it has delivered everything when `synthesize` returns. With one, the first piece comes
    `first_after` seconds later and the following ones every `pace` seconds. `pause` seconds of silence follow the
    text, so that `read_speech` tells two utterances apart.
    """

    def __init__(self, clock: IReactorTime | None = None, pace: float = 0.0, pause: float = 0.0) -> None:
        self.clock = clock
        self.pace = pace
        self.pause = pause
        self.first_after = 0.0
        self.piece = CELL
        """Bytes of audio in a piece; without a clock or a pace all comes in one."""
        self.fail_with: Exception | None = None
        """What every synthesis fails with from now on ..."""
        self.fail_after = 0
        """... after so many pieces."""
        self.spoken: list[str] = []
        """The text of every synthesis that was begun, in order."""
        self.cancellations = 0
        """How many of them were cancelled before their end."""

    @property
    def syntheses(self) -> int:
        """How many were begun."""
        return len(self.spoken)

    def synthesize(self, utterance: Utterance, deliver: Deliver) -> Deferred[None]:
        """Spell the text."""
        self.spoken.append(utterance.text)
        running = delivering(partial(self._speak, utterance.text), deliver)
        return _counted(running, self._was_cancelled)

    async def _speak(self, text: str, deliver: Deliver) -> None:
        pieces = self._pieces(text)
        await self._wait(self.first_after)
        for number, piece in enumerate(pieces):
            if number:
                await self._wait(self.pace)
            if self.fail_with is not None and number >= self.fail_after:
                raise self.fail_with
            deliver(piece)
        if self.fail_with is not None:
            raise self.fail_with
        if not pieces:
            raise SynthesisError("there is nothing to say in this text")

    def _pieces(self, text: str) -> list[bytes]:
        audio = spell(text) + silence(self.pause) if text else b""
        size = self.piece if self.clock is not None and self.pace else max(len(audio), 1)
        if self.fail_with is not None:
            size = min(size, self.piece)
        return [audio[at : at + size] for at in range(0, len(audio), size)]

    async def _wait(self, seconds: float) -> None:
        if self.clock is not None and seconds:
            await deferLater(self.clock, seconds)

    def _was_cancelled(self) -> None:
        self.cancellations += 1


def _counted(running: Deferred[None], cancelled: Callable[[], None]) -> Deferred[None]:
    """The same Deferred, with a note taken of its cancelling."""

    def cancel(_: Deferred[None]) -> None:
        cancelled()
        running.cancel()

    outer: Deferred[None] = Deferred(cancel)
    running.chainDeferred(outer)
    return outer


# The daemon's tools


def FakeTools(
    clock: IReactorTime,
    *,
    http: Any = None,
    carrier: Any = None,
    directory: Path = Path(),
    hearing: IHearing | None = None,
    late: bool = False,
    watch: IWatch | None = None,
) -> Tools:
    """`Tools` over a clock: what would run in a thread runs at once, in this one.

    With `late`, what a thread gives back comes when the clock is next advanced (by 0, if you like), as if from a real
    one. Chance is always 0.5. For anything else: `attrs.evolve(FakeTools(clock), in_thread=...)`.
    """
    threads = _Threads(clock if late else None)
    return Tools(
        reactor=clock,
        http=http,
        endpoint=_no_endpoint,
        carrier=carrier,
        directory=directory,
        hearing=_no_hearing if hearing is None else lambda: hearing,
        in_thread=threads.in_thread,
        from_thread=threads.from_thread,
        watch=watch or Unwatched(),
        chance=lambda: 0.5,
    )


class _Threads:
    """Worker threads that are none."""

    def __init__(self, turn: IReactorTime | None) -> None:
        self._turn = turn

    def in_thread(self, f: Callable[..., Any], *args: Any) -> Deferred[Any]:
        result = maybeDeferred(f, *args)
        if self._turn is None:
            return result
        later: Deferred[Any] = Deferred()  # no canceller: a thread cannot be stopped
        self._turn.callLater(0, result.chainDeferred, later)
        return later

    def from_thread(self, f: Callable[..., Any], *args: Any) -> None:
        if self._turn is None:
            f(*args)
        else:
            self._turn.callLater(0, f, *args)


def _no_hearing() -> IHearing:
    raise VoicedError("this test gave no ears: FakeTools(hearing=FakeHearing())")


def _no_endpoint(url: str) -> IStreamClientEndpoint:
    raise NotImplementedError(f"this test gave no endpoint for {url}: attrs.evolve(tools, endpoint=...)")

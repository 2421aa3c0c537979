"""Prerender: has every static prompt synthesized and stored before anybody calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import attrs
from twisted.internet.defer import CancelledError, Deferred, FirstError, gatherResults
from twisted.logger import Logger

from voiced.errors import VoicedError
from voiced.ivoiced import Utterance
from voiced.speech.cache import Cache

_log = Logger()

Prompt = tuple[str, Cache, Utterance]
"""The voice's name, its cache, and what it shall say (with `keep`)."""
Progress = Callable[[int, int], object]
"""`progress(done, total)`: so many of all prompts are seen to."""


@attrs.frozen
class Missing:
    """A prompt that could not be rendered, and why."""

    voice: str
    text: str
    reason: str


@attrs.frozen
class Rendered:
    """How it went: how many were synthesized, how many were there already, and which could not be."""

    new: int
    held: int
    missing: tuple[Missing, ...]


def prerender(prompts: Iterable[Prompt], progress: Progress, at_once: int = 2) -> Deferred[Rendered]:
    """Synthesize what the caches do not hold, `at_once` at a time; fires when all of it is stored.

    Never fails because a voice does: what is missing is in the answer. Cancelling stops; what was rendered stays.
    `at_once` stays below what the vendor's plan allows, for callers need syntheses meanwhile.
    """
    return Deferred.fromCoroutine(_Round(dict.fromkeys(prompts), progress).run(at_once))


class _Round:
    def __init__(self, prompts: Iterable[Prompt], progress: Progress) -> None:
        self._prompts = list(prompts)
        self._progress = progress
        self._new = 0
        self._held = 0
        self._missing: list[Missing] = []

    async def run(self, at_once: int) -> Rendered:
        queue = iter(self._prompts)
        try:
            await gatherResults(
                [Deferred.fromCoroutine(self._work(queue)) for _ in range(at_once)], consumeErrors=True
            )
        except FirstError as error:
            error.subFailure.raiseException()
        await gatherResults([cache.stored() for cache in {cache for _, cache, _ in self._prompts}])
        return Rendered(self._new, self._held, tuple(self._missing))

    async def _work(self, queue: Iterator[Prompt]) -> None:
        for voice, cache, utterance in queue:
            if cache.holds(utterance):
                self._held += 1
            else:
                await self._render(voice, cache, utterance)
            self._progress(self._new + self._held + len(self._missing), len(self._prompts))

    async def _render(self, voice: str, cache: Cache, utterance: Utterance) -> None:
        try:
            await cache.synthesize(utterance, lambda _: None)
        except VoicedError as error:
            self._missing.append(Missing(voice, utterance.text, str(error)))
        except CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - CancelledError went its way above; this is a plugin's bug
            _log.failure("A voice broke by a fault of its own")
            self._missing.append(Missing(voice, utterance.text, f"the voice has a fault ({type(error).__name__})"))
        else:
            self._new += 1

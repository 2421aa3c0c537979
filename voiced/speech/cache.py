"""Cache: an engine that remembers what it said, so that a prompt costs once and its first audio is immediate.

Only utterances with `keep` are remembered: the rest holds a caller's facts and goes straight through. The key is the
SHA-256 of who speaks (`identity`: the voice's settings without its secrets) and what is said. Nothing that can happen
to a file ever harms a call: it is logged, once for each kind of trouble, and the engine speaks instead.
"""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path

from twisted.internet.defer import Deferred, DeferredList, succeed
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.errors import SynthesisError
from voiced.ivoiced import Deliver, ITTSEngine, Tools, Utterance
from voiced.speech.delivery import delivering
from voiced.speech.rendering import Rendering
from voiced.speech.shelf import DiskShelf, MemoryShelf

_log = Logger()

MEGABYTE = 1_000_000


@implementer(ITTSEngine)
class Cache:
    """What `engine` says, kept in `directory` (up to `max_bytes`) and the hottest in memory (up to `memory` bytes).

    `hits` counts the kept utterances that cost no synthesis of their own, `misses` those that did.
    """

    def __init__(
        self,
        engine: ITTSEngine,
        identity: bytes,
        directory: Path,
        tools: Tools,
        max_bytes: int = 500 * MEGABYTE,
        memory: int = 16 * MEGABYTE,
    ) -> None:
        self._engine = engine
        self._identity = hashlib.sha256(identity).digest()
        self._disk = DiskShelf(directory, max_bytes)
        self._memory = MemoryShelf(memory)
        self._tools = tools
        self._renderings: dict[str, Rendering] = {}
        self._writes: set[Deferred[None]] = set()
        self._complained: set[str] = set()
        self.hits = 0
        self.misses = 0

    def holds(self, utterance: Utterance) -> bool:
        """Whether this would be spoken without a synthesis. Looks at the file's size, not into the file."""
        key = self._key(utterance)
        return utterance.keep and (key in self._memory or key in self._disk)

    def synthesize(self, utterance: Utterance, deliver: Deliver) -> Deferred[None]:
        """From memory at once and whole; from disk whole; else as the engine speaks."""
        if not utterance.keep:
            return self._engine.synthesize(utterance, deliver)
        key = self._key(utterance)
        audio = self._memory.get(key)
        if audio is not None:
            self._count(hit=True)
            deliver(audio)
            return succeed(None)
        rendering = self._renderings.get(key)
        if rendering is not None:
            self._count(hit=True)
            return rendering.join(deliver)
        return self._render(key, utterance, deliver)

    def stored(self) -> Deferred[None]:
        """Fires when all that is being written to disk is written, or could not be."""
        return DeferredList(tuple(self._writes)).addCallback(lambda _: None)

    def _count(self, *, hit: bool) -> None:
        self.hits += hit
        self.misses += not hit
        self._tools.watch.speech_kept(hit)

    def _key(self, utterance: Utterance) -> str:
        return hashlib.sha256(self._identity + utterance.text.encode(errors="surrogatepass")).hexdigest()

    def _render(self, key: str, utterance: Utterance, deliver: Deliver) -> Deferred[None]:
        rendering = Rendering(over=lambda: self._renderings.pop(key, None))
        self._renderings[key] = rendering
        done = rendering.join(deliver)
        rendering.follow(delivering(partial(self._produce, key, utterance), rendering.deliver))
        return done

    async def _produce(self, key: str, utterance: Utterance, deliver: Deliver) -> None:
        audio = await self._read(key)
        if audio is not None:
            self._count(hit=True)
            deliver(audio)
        else:
            self._count(hit=False)
            audio = await self._speak(utterance, deliver)
            self._write(key, audio)
        self._memory.put(key, audio)

    async def _speak(self, utterance: Utterance, deliver: Deliver) -> bytes:
        pieces: list[bytes] = []

        def heard(piece: bytes) -> None:
            pieces.append(piece)
            deliver(piece)

        await self._engine.synthesize(utterance, heard)
        if not any(pieces):
            raise SynthesisError("the voice gave no sound for this text", kind="silent")
        return b"".join(pieces)

    async def _read(self, key: str) -> bytes | None:
        audio: bytes | None = None
        try:
            audio = await self._tools.in_thread(self._disk.get, key)
        except OSError as error:
            self._complain("read", error)
        return audio

    def _write(self, key: str, audio: bytes) -> None:
        write: Deferred[None] = self._tools.in_thread(self._disk.put, key, audio)
        self._writes.add(write)

        def written(result: Failure | None) -> None:
            self._writes.discard(write)
            if result is not None:
                result.trap(OSError)
                self._complain("store", result.value)

        write.addBoth(written)

    def _complain(self, verb: str, error: object) -> None:
        kind = f"{verb} {type(error).__name__}"
        if kind not in self._complained:
            self._complained.add(kind)
            _log.warn("Cannot {verb} stored speech, so it is synthesized again: {error}", verb=verb, error=error)

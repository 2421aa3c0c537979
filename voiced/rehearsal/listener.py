"""What the caller of one call hears: what its streams play, and what the carrier says itself."""

from __future__ import annotations

import attrs

from voiced.call.audio import RATE
from voiced.rehearsal.reading import Ear, Sentence
from voiced.simulator.carrier import SimulatedCall


@attrs.define
class Listener:
    """What the caller of one call has heard, over all its streams, and of the carrier itself."""

    _call: SimulatedCall
    _ear: Ear
    _stream: int = 0
    _position: int = 0
    """Samples of that stream."""
    _said: int = 0
    """Sentences of the carrier's own."""

    @property
    def sentences(self) -> list[Sentence]:
        """In order."""
        return self._ear.sentences

    @property
    def speaking(self) -> Sentence | None:
        """What is being said now, as far as it goes."""
        return self._ear.speaking

    @property
    def all(self) -> list[Sentence]:
        """With what is being said now."""
        speaking = self.speaking
        return self.sentences + ([] if speaking is None or not speaking.text else [speaking])

    def look(self) -> None:
        """Hear on from where we were."""
        while self._stream < len(self._call.streams):
            stream = self._call.streams[self._stream]
            player = stream.player
            if player is not None and player.now > self._position:
                at = player.born + self._position / RATE - self._call.rang_at
                self._ear.hear(player.heard_between(self._position, player.now), at)
                self._position = player.now
            if stream.end is None:
                break
            self._ear.stop()
            self._stream, self._position = self._stream + 1, 0
        for text in self._call.said[self._said :]:
            now = self._call.account.clock.seconds() - self._call.rang_at
            self.sentences.append(Sentence(now, now, text, "carrier"))
        self._said = len(self._call.said)

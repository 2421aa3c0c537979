"""The human at the other end: listens, presses a key or says something when asked to, and does not wait for ever."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from voiced.simulator.call import SimulatedCall
from voiced.simulator.ending import Ended
from voiced.simulator.mulaw import RATE

LOOK_EVERY = 0.05
"""Seconds between two looks at what is being heard."""


@frozen
class Spoken:
    """Something to say: mu-law audio, and its words for the sheet."""

    audio: bytes
    text: str = ""


class Caller:
    """Does each of `acts` when something was said since the last and then nothing for `quiet` seconds.

    An act is keys to press, or something to say. Hangs up when the call has lasted `most` seconds.
    """

    def __init__(
        self,
        call: SimulatedCall,
        clock: IReactorTime,
        acts: Sequence[str | Spoken],
        quiet: float = 1.0,
        most: float = 120.0,
    ) -> None:
        self._call = call
        self._clock = clock
        self._acts = list(acts)
        self._quiet = quiet
        self._most = most
        self._acted_at = 0
        """Bytes heard, over all streams, when the caller last did something."""
        self.patient = True
        """False when it was the caller who could not wait any longer."""
        self._watching = LoopingCall(self._look)
        self._watching.clock = clock
        self._watching.start(LOOK_EVERY, now=False)
        call.ended.addCallback(self._over)

    def _look(self) -> None:
        if self._clock.seconds() - self._call.rang_at > self._most:
            self.patient = False
            self._call.hang_up()
        elif self._acts and self._call.stream is not None and (player := self._call.stream.player) is not None:
            heard = sum(stream.player.position for stream in self._call.streams if stream.player is not None)
            if heard > self._acted_at and player.queued == 0 and player.rested >= self._quiet * RATE:
                self._acted_at = heard
                self._act(self._acts.pop(0))

    def _act(self, act: str | Spoken) -> None:
        if isinstance(act, Spoken):
            self._call.speak(act.audio, act.text)
        else:
            self._call.press(act)

    def _over(self, why: Ended) -> Ended:
        if self._watching.running:
            self._watching.stop()
        return why

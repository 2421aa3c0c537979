"""The telephone line between a caller and the carrier, with its faults drawn from a seed.

`Line` says how bad the line is; `Leg` is one caller's end of it: what the caller says goes in, frames of 20 ms come
out, without a pause (the carrier sends silence when nobody speaks), noisy, clipped, echoing, late or never.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from voiced.simulator.mulaw import FRAME, RATE, SILENCE, decode, encode, gain
from voiced.simulator.tape import Tape

FRAME_SECONDS = FRAME / RATE


@frozen
class Line:
    """How a line is. The same seed gives the same faults in the same places, whichever others are switched on."""

    seed: int = 0
    bursts: float = field(default=0.0, kw_only=True)
    """How often a second deliveries are held back, for 100 to 400 ms, and then come all at once."""
    gaps: float = field(default=0.0, kw_only=True)
    """The chance of each frame that it, and up to four after it, are lost: their numbers are missing too."""
    noise: float | None = field(default=None, kw_only=True)
    """Its level in dBFS (about -70 on a good line, -35 in a car)."""
    echo: float | None = field(default=None, kw_only=True)
    """How loud what the caller hears comes back with what the caller says, in dB (-20 is bad)."""
    echo_delay: float = field(default=0.12, kw_only=True)
    """In seconds."""
    clip: bool = field(default=False, kw_only=True)
    """The first 20 to 80 ms of everything said are missing."""

    @classmethod
    def clean(cls) -> Line:
        """No faults."""
        return cls()

    @classmethod
    def real(cls, seed: int) -> Line:
        """A mobile phone on an ordinary day."""
        return cls(seed, bursts=0.2, gaps=0.004, noise=-48.0, echo=-34.0, clip=True)

    def leg(self, clock: IReactorTime) -> Leg:
        """Lift the receiver."""
        return Leg(clock, self)

    def draw(self, fault: str) -> Random:
        """The dice of one fault."""
        return Random(f"{self.seed}/{fault}")


@define(eq=False)
class Leg:
    """One caller's end of a line. Positions on its tape are samples since the receiver was lifted."""

    _clock: IReactorTime
    _line: Line
    born: float = field(init=False)
    _said: Tape = field(factory=Tape)
    _noise: list[float] = field(init=False)
    _held_until: float = 0.0
    _missing: int = 0
    _bursts: Random = field(init=False)
    _gaps: Random = field(init=False)
    _clips: Random = field(init=False)
    _hiss: Random = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.born = self._clock.seconds()
        draw = self._line.draw
        self._bursts, self._gaps, self._clips, self._hiss = map(draw, ("bursts", "gaps", "clips", "noise"))
        self._noise = self._second_of_noise()

    def speak(self, mulaw: bytes) -> float:
        """The caller says this, after what is being said already; returns when it will have been said."""
        clipped = int(self._clips.uniform(0.02, 0.08) * RATE) if self._line.clip else 0
        missing = SILENCE * min(clipped, len(mulaw))
        now = round((self._clock.seconds() - self.born) * RATE)
        return self.born + self._said.put(now, missing + mulaw[len(missing) :]) / RATE

    def said_between(self, start: int, end: int) -> bytes:
        """What reached the line of the caller's own voice, in samples since the receiver was lifted."""
        return self._said.read(start, end)

    def held(self) -> bool:
        """Whether the carrier's deliveries are held back now. To be asked once a frame: it throws the dice."""
        now = self._clock.seconds()
        dice, length = self._bursts.random(), self._bursts.uniform(0.1, 0.4)
        if now >= self._held_until and dice < self._line.bursts * FRAME_SECONDS:
            self._held_until = now + length
        return now < self._held_until

    def frame(self, began: float, heard_between: Callable[[int, int], bytes], far: int) -> bytes | None:
        """The 20 ms that began then (seconds of the clock), or None if the line lost them.

        `heard_between` tells what the caller hears, `far` the position in it where this frame begins: for the echo.
        """
        if self._lost():
            return None
        at = round((began - self.born) * RATE)
        near = self._said.read(at, at + FRAME)
        if self._line.noise is None and self._line.echo is None:
            return near
        return encode(self._mixed(near, heard_between, far))

    def _lost(self) -> bool:
        dice, length = self._gaps.random(), self._gaps.randint(1, 5)
        if self._missing == 0 and dice < self._line.gaps:
            self._missing = length
        lost = self._missing > 0
        self._missing -= lost
        return lost

    def _mixed(self, near: bytes, heard_between: Callable[[int, int], bytes], far: int) -> list[float]:
        samples: list[float] = list(decode(near))
        if self._line.noise is not None:
            offset = self._hiss.randrange(RATE - FRAME)
            samples = [a + b for a, b in zip(samples, self._noise[offset : offset + FRAME], strict=True)]
        if self._line.echo is not None:
            start, loudness = far - int(self._line.echo_delay * RATE), gain(self._line.echo)
            echo = decode(heard_between(start, start + FRAME))
            samples = [a + b * loudness for a, b in zip(samples, echo, strict=True)]
        return samples

    def _second_of_noise(self) -> list[float]:
        if self._line.noise is None:
            return []
        level = 32768 * gain(self._line.noise)
        return [self._hiss.gauss(0, level) for _ in range(RATE)]

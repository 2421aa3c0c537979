"""Sounds that are no words, made from a seed: what else reaches a telephone while voiced speaks.

All are arrays of samples between -1 and 1 at 8 kHz, about as loud as somebody at the telephone makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import soxr

RATE = 8000
Samples = Any
"""A numpy array of float64."""
BACK_CHANNELS = ("Mm-hmm.", "Uh-huh.", "Mhm.", "Hm.", "Hmm.", "Mm.", "Ah.", "Oh.", "Um.", "Uh.", "Ahem.", "Huh.")
"""What listeners say, and mean: go on."""


def resonate(sound: Samples, frequency: float, width: float) -> Samples:
    """A two-pole resonator."""
    radius = np.exp(-np.pi * width / RATE)
    b1, b2 = 2 * radius * np.cos(2 * np.pi * frequency / RATE), -radius * radius
    out = np.zeros(len(sound) + 2)
    for at, sample in enumerate(sound):
        out[at + 2] = sample + b1 * out[at + 1] + b2 * out[at]
    return out[2:]


def formants(sound: Samples, *peaks: tuple[float, float, float]) -> Samples:
    """What a throat makes of it: (frequency, bandwidth, amplitude) of each resonance."""
    return sum(amplitude * level(resonate(sound, at, width)) for at, width, amplitude in peaks)


def level(sound: Samples, peak: float = 1.0) -> Samples:
    """So loud at its loudest."""
    return sound * (peak / max(np.abs(sound).max(), 1e-9))


def envelope(*points: tuple[float, float]) -> Samples:
    """A curve through (seconds, amplitude)."""
    times, values = zip(*points, strict=True)
    return np.interp(np.arange(round(times[-1] * RATE)) / RATE, times, values)


def rest(seconds: float) -> Samples:
    """Silence."""
    return np.zeros(round(seconds * RATE))


def voice(pitch: Samples, roughness: float, dice: np.random.Generator) -> Samples:
    """The buzz of vocal cords at these frequencies."""
    phase = np.cumsum(pitch * (1 + roughness * dice.normal(size=len(pitch)))) / RATE
    return np.where(np.diff(np.floor(phase), prepend=0) > 0, 1.0, 0.0) - pitch / RATE


def cough(dice: np.random.Generator) -> Samples:
    """A burst, a hiss, and often a voiced end; one to three of them (the phases of a cough in the literature)."""
    parts = []
    for number in range(int(dice.integers(1, 4))):
        burst, hiss, tail = dice.uniform(0.03, 0.06), dice.uniform(0.08, 0.2), dice.uniform(0.05, 0.15)
        curve = envelope((0, 0), (0.008, 1), (burst, 0.7), (burst + hiss, 0.15), (burst + hiss + tail, 0))
        noise = dice.normal(size=len(curve))
        throat = ((dice.uniform(400, 700), 200, 1.0), (dice.uniform(1100, 1700), 300, 0.7), (2600, 400, 0.4))
        sound = formants(noise, *throat)
        if dice.random() < 0.6:
            pitch = np.linspace(dice.uniform(150, 350), dice.uniform(90, 180), len(curve))
            buzz = formants(voice(pitch, 0.1, dice), *throat)
            sound = (
                sound
                + buzz * envelope((0, 0), (burst, 0.2), (burst + hiss, 1), (burst + hiss + tail, 0.6))[: len(curve)]
            )
        parts += [rest(dice.uniform(0.05, 0.3)) if number else rest(0), level(sound * curve, 0.9 - 0.15 * number)]
    return level(np.concatenate(parts), dice.uniform(0.3, 0.95))


def throat(dice: np.random.Generator) -> Samples:
    """Somebody clears it."""
    length = dice.uniform(0.25, 0.6)
    curve = envelope((0, 0), (0.03, 1), (length * 0.5, 0.5), (length * 0.6, 0.9), (length, 0))
    rough = voice(np.full(len(curve), dice.uniform(80, 140)), 0.4, dice) + 0.3 * dice.normal(size=len(curve))
    return level(formants(rough, (500, 150, 1), (1400, 250, 0.5), (2500, 300, 0.2)) * curve, dice.uniform(0.2, 0.7))


def bang(dice: np.random.Generator) -> Samples:
    """A door, a desk, a dropped cup: modes that ring for a while after a blow; one to four blows."""
    parts = []
    for _ in range(int(dice.integers(1, 5))):
        length = dice.uniform(0.08, 0.5)
        times = np.arange(round(length * RATE)) / RATE
        blow = dice.normal(size=len(times)) * np.exp(-times / 0.006)
        modes = sum(
            dice.uniform(0.2, 1) * np.sin(2 * np.pi * at * times) * np.exp(-times / dice.uniform(0.02, 0.12))
            for at in dice.uniform(60, 2500, size=6)
        )
        parts += [level(blow + 0.6 * modes, dice.uniform(0.5, 1)), rest(dice.uniform(0.08, 0.4))]
    return np.clip(level(np.concatenate(parts), dice.uniform(0.5, 1.6)), -1, 1)


def click(dice: np.random.Generator) -> Samples:
    """Clicks and crackle on the line, a keyboard."""
    sound = np.zeros(round(dice.uniform(0.3, 1.0) * RATE))
    for at in dice.integers(0, len(sound) - 80, size=int(dice.integers(2, 9))):
        sound[at : at + 40] += dice.normal(size=40) * np.exp(-np.arange(40) / 8)
    return level(sound, dice.uniform(0.3, 1))


def laugh(dice: np.random.Generator) -> Samples:
    """Ha, ha, ha: breath and voice, four or five a second."""
    parts = []
    first = dice.uniform(150, 350)
    for number in range(int(dice.integers(2, 7))):
        breath, length = dice.uniform(0.05, 0.1), dice.uniform(0.06, 0.12)
        hiss = formants(dice.normal(size=round(breath * RATE)), (800, 300, 1), (1500, 300, 0.6)) * 0.25
        pitch = np.linspace(first, first * 0.8, round(length * RATE)) * 0.96**number
        sound = formants(voice(pitch, 0.03, dice), (750, 90, 1), (1250, 110, 0.6), (2500, 160, 0.2))
        parts += [hiss, sound * envelope((0, 0.3), (0.02, 1), (length, 0.1))[: len(sound)] * 0.9**number]
    return level(np.concatenate(parts), dice.uniform(0.2, 0.8))


def breath(dice: np.random.Generator) -> Samples:
    """Into the microphone."""
    length = dice.uniform(0.4, 1.2)
    curve = envelope((0, 0), (length * 0.4, 1), (length, 0))
    return level(
        formants(dice.normal(size=len(curve)), (500, 600, 1), (1700, 900, 0.5)) * curve, dice.uniform(0.05, 0.5)
    )


def hum(dice: np.random.Generator) -> Samples:
    """Mm, hmm or mm-hmm: a closed mouth, one or two syllables, rising or falling."""
    pitch = dice.uniform(110, 250)
    parts = []
    syllables = int(dice.integers(1, 3))
    for number in range(syllables):
        length = dice.uniform(0.14, 0.35)
        size = round(length * RATE)
        rise = dice.uniform(0.8, 1.35) if number == syllables - 1 else dice.uniform(0.9, 1.05)
        wave = voice(np.linspace(pitch, pitch * rise, size), 0.01, dice)
        nasal = formants(wave, (260, 60, 1), (1000, 150, 0.12), (2200, 200, 0.06))
        parts += [nasal * envelope((0, 0), (0.03, 1), (length * 0.7, 0.9), (length + 0.01, 0))[:size]]
        parts += [rest(dice.uniform(0.0, 0.08))]
    return level(np.concatenate(parts), dice.uniform(0.1, 0.7))


def ring(dice: np.random.Generator) -> Samples:
    """Another telephone: a bell of two tones, or a mobile's melody."""
    length = dice.uniform(0.8, 2)
    times = np.arange(round(length * RATE)) / RATE
    if dice.random() < 0.5:
        low = dice.choice([400, 440, 480, 900])
        sound = np.sin(2 * np.pi * low * times) + np.sin(2 * np.pi * low * 1.1 * times)
        sound *= 0.5 + 0.5 * np.sign(np.sin(2 * np.pi * 20 * times)) if dice.random() < 0.5 else 1
    else:
        notes = dice.choice([659, 740, 880, 988, 1175, 1319], size=32)
        sound = np.sin(2 * np.pi * np.cumsum(notes[(times / 0.12).astype(int)]) / RATE)
    return level(sound, dice.uniform(0.1, 0.5))


def key(dice: np.random.Generator) -> Samples:
    """A key's two tones (DTMF), as a line carries them that has them in its sound as well."""
    parts = []
    for _ in range(int(dice.integers(1, 4))):
        times = np.arange(round(dice.uniform(0.08, 0.3) * RATE)) / RATE
        low, high = dice.choice([697, 770, 852, 941]), dice.choice([1209, 1336, 1477, 1633])
        parts += [np.sin(2 * np.pi * low * times) + np.sin(2 * np.pi * high * times), rest(0.08)]
    return level(np.concatenate(parts), dice.uniform(0.2, 0.6))


def chord(dice: np.random.Generator) -> Samples:
    """Music: chords with harmonics, plucked or held."""
    parts = []
    for _ in range(int(dice.integers(2, 5))):
        times = np.arange(round(dice.uniform(0.25, 0.5) * RATE)) / RATE
        root = dice.uniform(130, 400)
        notes = [root, root * 2 ** (dice.choice([3, 4]) / 12), root * 1.5]
        tone = sum(np.sin(2 * np.pi * f * n * times) / n**1.2 for f in notes for n in range(1, 6) if f * n < 3800)
        parts.append(tone * np.exp(-times / dice.uniform(0.1, 1)))
    return level(np.concatenate(parts), dice.uniform(0.1, 0.5))


def sneeze(dice: np.random.Generator) -> Samples:
    """A breath drawn with some voice, then a hiss."""
    draw = envelope((0, 0), (0.2, 0.3), (0.25, 0))
    hiss = envelope((0, 0), (0.02, 1), (0.1, 0.8), (dice.uniform(0.25, 0.4), 0))
    drawn = formants(voice(np.full(len(draw), 220.0), 0.05, dice) + dice.normal(size=len(draw)), (700, 150, 1)) * draw
    return level(
        np.concatenate((drawn, formants(dice.normal(size=len(hiss)), (2400, 900, 1), (900, 300, 0.3)) * hiss)), 0.8
    )


def pitched(sound: Samples, factor: float) -> Samples:
    """Higher and faster, or lower and slower, by resampling."""
    return soxr.resample(sound, RATE * factor, RATE)


NOISES: dict[str, Callable[[np.random.Generator], Samples]] = {
    "cough": cough, "throat": throat, "sneeze": sneeze, "bang": bang, "click": click, "laugh": laugh,
    "breath": breath, "hum": hum, "ring": ring, "key": key, "chord": chord,
}  # fmt: skip


def noises(each: int, seed: int = 0) -> Iterator[tuple[str, Samples]]:
    """So many of each kind, with the kind's name."""
    for name, make in NOISES.items():
        for number in range(each):
            yield name, make(np.random.default_rng([seed, number, *name.encode()]))

"""`python -m bench.answers [how many] [seed] [-v]`: words stand for the keys of a menu, and noises for none.

In virtual time, with the real ears: the recogniser runs in this thread, and the time that took passes on the clock.
With the defaults (three of each, seed 3) 44 of 48 answers are right and none is taken for another key; half of them
are known 0.42 s after the last word; and of 69 noises and back-channels none is taken for a key, three for words.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import numpy as np

from bench.bargein import Ears, mulaw
from bench.sounds import BACK_CHANNELS, noises, pitched
from voiced.call.answering import Answering
from voiced.call.audio import FRAME, RATE, seconds, silence
from voiced.call.keypad import Keypad
from voiced.hearing.samples import samples
from voiced.speech.local_model import render

WORDS = {
    "1": ["yes", "confirm", "that's right", "one"],
    "2": ["cancel", "no", "two"],
    "0": ["operator", "human", "agent"],
}
SAID = {
    **dict.fromkeys(("Yes.", "Yes, please.", "Confirm.", "That's right.", "Yes, that's right.", "One."), "1"),
    **dict.fromkeys(("No.", "Cancel.", "No thank you.", "Cancel it please.", "Two."), "2"),
    **dict.fromkeys(("Operator.", "I want to speak to a human.", "Agent."), "0"),
    **dict.fromkeys(("Tomorrow at seven.", "I don't know."), ""),
}


def answer(ears: Ears, sound: Any, dice: np.random.Generator) -> tuple[str | None, float]:
    """What it is taken for, on a quiet line; and how many seconds after its end."""
    answers: list[str | None] = []
    answering = Answering(ears, ears.clock, Keypad(ears.clock), 6.0, WORDS)
    answering.result.addCallback(answers.append)
    audio = silence(0.5) + mulaw(sound)
    heard = audio + mulaw(dice.normal(size=8 * RATE) * 10 ** (-55 / 20))
    for at in range(0, len(heard), FRAME):
        answering.hear(heard[at : at + FRAME])
        ears.clock.advance(seconds(FRAME))
        if answers:
            return answers[0], seconds(at + FRAME - len(audio))
    raise AssertionError("nobody has answered")


def run(each: int, seed: int, verbose: bool) -> None:
    """All of it."""
    ears, dice = Ears(), np.random.default_rng(seed)
    found: Counter[str] = Counter()
    waits = []
    for text, key in SAID.items():
        for _ in range(each):
            sound = pitched(samples(render(text, dice.uniform(0.85, 1.2))), dice.uniform(0.88, 1.15))
            got, wait = answer(ears, sound * 10 ** (-dice.uniform(0, 12) / 20), dice)
            found["right" if got == key else "not understood" if not got else "taken for another key"] += 1
            waits.append(wait)
            if verbose and got != key:
                print(f"{text!r} was {got!r}: {ears.said!r}")
    hums = [(text, samples(render(text, dice.uniform(0.7, 1.4)))) for text in BACK_CHANNELS for _ in range(each)]
    others: Counter[str | None] = Counter()
    for name, sound in (*noises(each, seed), *hums):
        got, _ = answer(ears, sound, dice)
        others[got] += 1
        if verbose and got is not None:
            print(f"{name!r} was {got!r}: {ears.said!r}")
    waits.sort()
    print(f"{sum(found.values())} answers: {dict(found)}; known after {waits[len(waits) // 2]:.2f} s (p50), "
          f"{waits[-1]:.2f} s (most)")  # fmt: skip
    taken = sum(number for key, number in others.items() if key)
    print(
        f"{sum(others.values())} noises: {taken} taken for a key, {others['']} for words, {others[None]} for nothing"
    )


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    run(*(numbers + [3, 3][len(numbers) :]), verbose="-v" in sys.argv)

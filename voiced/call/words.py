"""Whether a caller's short sound was words: what a recogniser makes of coughs, bangs and "mm-hmm" is text as well."""

from __future__ import annotations

import re
import struct
from operator import mul, sub

from voiced.call import audio

DARK = 0.089
"""Below this brightness a sound is hummed with the mouth closed. Measured on telephone audio at several pitches:
"mm-hmm", "mhm", "hm", "mm" 0.041 to 0.105, synthetic hums up to 0.056; "two" 0.095 to 0.15, "agent" 0.105 to 0.19,
"no" 0.17 to 0.21, all others above. It holds for one or two words: a whole sentence is not hummed."""
MOST_A_SECOND = 9.0
"""Words: nobody says more of them, but recognisers do, when they are given a cough ("This is the first time I've ever
seen a bird.")."""

_WORD = re.compile(r"[a-z0-9][a-z0-9'-]*")

BACK_CHANNELS = frozenset(
    _WORD.findall(
        "mm mmm mhm mmhmm mm-hmm hm hmm hmmm hum huh uh uhh um umm uh-huh uhhuh uh-uh aha ah ahh oh ooh er erm ahem "
        "eh heh ha haha hah eh-ha pfft ugh yeah yep"
    )
)
"""What a listener says who does not want to interrupt."""
MADE_UP = frozenset(
    _WORD.findall(
        "a and i i'm it it's m s l my mama mum mom man mam ma madam elle ella ele so that that's the this you her "
        "hell how here who then hi hey love there let lets let's has"
    )
)
"""What moonshine makes of back-channels, coughs and bangs, and what interrupts nobody when it stands alone."""

_NO_VOICE = 0.005
"""Darker is no hum either (it would be one of 90 Hz): only a test's double of speech, which no telephone carries."""
_FEW = 2
_NINTH = 9
_WINDOW = 256
_LOUD = 0.1
"""Of the loudest window's energy: what is fainter does not count for the brightness."""


def are_words(text: str, sound: bytes, voiced: float) -> bool:
    """Whether a caller has said something: `text` was recognised in `sound`, with so many seconds of speech in it."""
    if not text.isascii():
        return False  # English has none; "♪♪", "© transcript …" and Korean are what silence and music become
    spoken = _WORD.findall(text.lower().replace("uh huh", "uh-huh"))
    if all(word in BACK_CHANNELS or word in MADE_UP for word in spoken):
        return False
    if len(spoken) > 1 + MOST_A_SECOND * voiced:
        return False
    if len(spoken) > 3 and len(set(spoken)) <= len(spoken) / 2:
        return False  # laughter: "The first of the first of the first."
    return len(spoken) > _FEW or not is_hummed(sound)


def is_hummed(sound: bytes) -> bool:
    """Whether a sound of one or two words was made with the mouth closed: no word is."""
    return _NO_VOICE < brightness(sound) < DARK


def are_few(text: str) -> bool:
    """Whether these words are so few that the recogniser may have made them up."""
    return len(_WORD.findall(text.lower())) <= _FEW


def slower(sound: bytes) -> bytes:
    """The same said by a deeper, slower voice: what was no word becomes another one then, or none.

    Every ninth sample twice is crude, and enough for this.
    """
    return b"".join(
        sound[at : at + _NINTH] + sound[at + _NINTH - 1 : at + _NINTH] for at in range(0, len(sound), _NINTH)
    )


def brightness(sound: bytes) -> float:
    """How much of its energy is in high frequencies: 0 for a low hum, 2 for white noise, 4 for a hiss."""
    samples = struct.unpack(f"<{len(sound)}h", audio.to_linear(sound))
    windows = [samples[at : at + _WINDOW] for at in range(0, len(samples) - _WINDOW + 1, _WINDOW)]
    energies = [sum(map(mul, window, window)) for window in windows]
    loudest = max(energies, default=0)
    total = slopes = 0
    for window, energy in zip(windows, energies, strict=True):
        if energy > _LOUD * loudest:
            steps = list(map(sub, window[1:], window))
            slopes += sum(map(mul, steps, steps))
            total += energy
    return slopes / total if total else 0.0

"""Audio that can be read: who speaks and what, so that a scenario knows what was heard, and where it was cut.

    F8, six digits: who (Labels)     the text, each byte of its UTF-8 for 50 ms     FE: the end

UTF-8 has none of the bytes C0, F5 to FE, and FF is silence. A sound file has FD for its text, as long as it lasts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from voiced.call.audio import RATE
from voiced.call.tones import BEEP
from voiced.testing.fakes import CELL, spell

SILENCE = b"\xff"
_DIGITS = b"\xf5\xf6\xf7\xc0"
_HEAD, _FILL, _END = b"\xf8", b"\xfd", b"\xfe"
_HEADING = re.compile(_HEAD + b"[" + _DIGITS + b"]{6}")
_RUN = re.compile(rb"(.)\1*", re.DOTALL)
_REST = RATE // 100
"""Bytes of silence that end what was said."""
_STOP = re.compile(_END + b"|" + _HEAD + b"|" + SILENCE + b"{%d,}" % _REST)
_QUIET = re.compile(_HEADING.pattern + b"|" + SILENCE + b"{%d,}" % _REST)
_ENOUGH = 160
"""Bytes by which one knows what it is."""
_LEAST_RUN = 60
_BEEP = BEEP.lstrip(SILENCE)[:_ENOUGH]


@attrs.frozen
class Label:
    """Who, or what, is heard: `kind` is voice, agent or sound."""

    kind: str
    name: str


@attrs.define
class Labels:
    """The labels of one stage, by number."""

    _all: list[Label] = attrs.field(factory=list)

    def mark(self, kind: str, name: str, body: bytes) -> bytes:
        """The body, with its label before it, and an end."""
        label = Label(kind, name)
        if label not in self._all:
            self._all.append(label)
        number = self._all.index(label)
        digits = bytes(_DIGITS[number >> 2 * place & 3] for place in range(6))
        return _HEAD + digits + body + _END

    def speech(self, kind: str, name: str, text: str) -> bytes:
        """A text that somebody says."""
        return self.mark(kind, name, spell(text))

    def sound(self, file: str, length: int) -> bytes:
        """A sound of so many bytes."""
        return self.mark("sound", file, _FILL * max(1, length - len(self.mark("sound", file, b""))))

    def read(self, audio: bytes) -> Label:
        """Whose audio it is, which begins with a heading."""
        number = sum(_DIGITS.index(digit) << 2 * place for place, digit in enumerate(audio[1:7]))
        return self._all[number]


@attrs.frozen
class Sentence:
    """Something that was heard. Times are seconds since the ring."""

    began: float
    ended: float
    text: str
    voice: str = ""
    """The voice or agent of voiced.yaml; `carrier` where the carrier speaks itself."""
    cut: bool = False

    @property
    def shown(self) -> str:
        """For people."""
        return self.text + ("…" if self.cut else "")


class Ear:
    """Reads what a caller hears, piece by piece."""

    def __init__(self, labels: Labels) -> None:
        self.sentences: list[Sentence] = []
        """What has been heard to its end, or as far as it was cut."""
        self._labels = labels
        self._open = bytearray()
        """What is not over."""
        self._began = 0.0
        self._scanned = 0

    def hear(self, audio: bytes, at: float) -> None:
        """The next audio; it begins at this second."""
        if not self._open:
            self._began = at
        self._open += audio
        while self._next():
            pass

    def stop(self) -> None:
        """There is no more: what is open was cut."""
        if self._open.strip(SILENCE):
            self._close(len(self._open), cut=True)
        self._open.clear()

    @property
    def speaking(self) -> Sentence | None:
        """What is being heard now, as far as it goes."""
        if not self._open:
            return None
        return self._sentence(bytes(self._open), cut=True)

    def _next(self) -> bool:
        """Take what is over out of what is open; whether there was anything."""
        if self._open[:1] == SILENCE:
            self._drop(len(self._open) - len(self._open.lstrip(SILENCE)))
        if not self._open:
            return False
        if self._open[:1] != _HEAD and len(self._open) < _ENOUGH and _QUIET.search(self._open) is None:
            return False
        found = (_STOP if self._is_text else _QUIET).search(self._open, max(1, self._scanned))
        if found is None:
            self._scanned = len(self._open) - _REST
            return False
        complete = found[0] == _END
        self._close(found.end() if complete else found.start(), cut=not complete)
        return True

    @property
    def _is_text(self) -> bool:
        return self._open[:1] == _HEAD or _longest_run(bytes(self._open[:_ENOUGH])) >= _LEAST_RUN

    def _close(self, length: int, *, cut: bool) -> None:
        piece = bytes(self._open[:length])
        sentence = self._sentence(piece, cut=cut and self._is_text)
        before = self.sentences[-1] if self.sentences else None
        if self._is_text and piece[:1] != _HEAD and before is not None and before.cut:
            joined = _joined(before.text, sentence.text)
            self.sentences[-1] = attrs.evolve(before, text=joined, ended=sentence.ended, cut=sentence.cut)
        elif sentence.text:
            self.sentences.append(sentence)
        self._drop(length)

    def _drop(self, length: int) -> None:
        del self._open[:length]
        self._began += length / RATE
        self._scanned = 0

    def _sentence(self, piece: bytes, *, cut: bool) -> Sentence:
        ended = self._began + len(piece) / RATE
        if _HEADING.match(piece) is None:
            return Sentence(self._began, ended, self._nameless(piece), cut=cut)
        label = self._labels.read(piece)
        if label.kind == "sound":
            return Sentence(self._began, ended, f"[sound {label.name}]", cut=cut)
        return Sentence(self._began, ended, read(piece[7:].rstrip(_END)), label.name, cut)

    def _nameless(self, piece: bytes) -> str:
        if self._is_text:
            return read(piece.rstrip(_END))
        return "[beep]" if piece.startswith(_BEEP[: len(piece)]) else "[tones]"


def read(audio: bytes) -> str:
    """The text that this spells; less than half a letter at its end is dropped."""
    return b"".join(_letters(audio)).decode(errors="ignore")


def _letters(audio: bytes) -> Iterator[bytes]:
    for run in _RUN.finditer(audio):
        yield run[1] * ((len(run[0]) + CELL // 2) // CELL)


def _longest_run(audio: bytes) -> int:
    return max((len(run[0]) for run in _RUN.finditer(audio)), default=0)


def _joined(before: str, after: str) -> str:
    """Speech that was paused goes back a little when it goes on: what stands at both sides was said once."""
    for length in range(min(len(before), len(after)), 0, -1):
        if before.endswith(after[:length]):
            return before + after[length:]
    return before + after

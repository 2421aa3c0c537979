"""What was said in a conversation, line by line, and of the agent's lines what the caller heard."""

from __future__ import annotations

import re

import attrs

from voiced.call.records import Said
from voiced.ivoiced import Heard, ISpeech, Who

CUT = "…"
"""What stands at the end of a line that was not heard to its end."""
MOST_LINES = 2000
"""Lines kept of one conversation; a chatty hour has a few hundred."""

LONGEST = 4000
"""Characters of one line: more than anybody says in a breath."""

OPEN = 16
"""How many of the newest lines may still become other words, by a correction or a late text."""

_WORD_END = re.compile(r"\S+\s*")


@attrs.define
class _Line:
    """One whose words may change."""

    who: Who
    text: str
    at: float
    speech: ISpeech | None
    corrected: bool = False

    def said(self) -> Said:
        heard = self.speech.so_far() if self.speech is not None and not self.corrected else None
        text = self.text if heard is None else heard_text(self.text, heard)
        return Said(self.who.value, text, self.at)

    @property
    def heard(self) -> bool:
        """Whether no more of it will be heard."""
        return self.speech is None or self.speech.done.called


class Transcript:
    """The lines of one conversation, in the order they were said.

    Of a long one most lines cannot change any more. Only their words are kept: what is kept of every line of every
    call is what a collection of garbage has to look at, and everybody waits for that.
    """

    def __init__(self) -> None:
        self._settled: list[Said] = []
        self._open: list[_Line] = []

    def add(self, who: Who, text: str, at: float, speech: ISpeech | None = None) -> None:
        """A line, said at this time (seconds since the epoch); a text without words is none.

        Another text of the same speech takes the place of the one before.
        """
        for line in self._open if speech is not None else ():
            if line.speech is speech and text.strip():
                line.text = text.strip()[:LONGEST]
                return
        if text.strip() and len(self._settled) + len(self._open) < MOST_LINES:
            self._open.append(_Line(who, text.strip()[:LONGEST], at, speech))
            self._settle()

    def correct(self, text: str) -> None:
        """The agent's last line is rather this."""
        for line in reversed(self._open):
            if line.who is Who.AGENT:
                line.text, line.corrected = text.strip()[:LONGEST], True
                return

    def lines(self) -> list[Said]:
        """What was said and heard, as far as is known now. A line of which nothing was heard is not there."""
        return [said for said in (*self._settled, *(line.said() for line in self._open)) if said.text]

    def _settle(self) -> None:
        while len(self._open) > OPEN and self._open[0].heard:
            self._settled.append(self._open.pop(0).said())


def heard_text(text: str, heard: Heard) -> str:
    """As much of a text as was heard of its speech: whole words in proportion to the time, and CUT where it stops."""
    if heard.seconds >= heard.of > 0 and not heard.cut:
        return text
    share = len(text) * heard.seconds / heard.of if heard.of else 0.0
    words = "".join(word[0] for word in _WORD_END.finditer(text) if word.end() <= share + 1)
    return f"{words.rstrip()}{CUT}" if words else ""

"""Talk: what was said so far in one conversation, as the caller really heard it; what a brain thinks about."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from voiced.agents.talking.words import NODS
from voiced.ivoiced import Brief, Heard, ICall, ISpeech, Who

_WORD = re.compile(r"[^\W_]+")


@attrs.define(eq=False)
class Line:
    """A line of it; of the agent's own, `share` (0 to 1) is how much was heard."""

    who: Who
    text: str
    share: float = 1.0

    @property
    def heard(self) -> str:
        """What the caller heard of it, in whole words: speech is taken to be even."""
        if self.share >= 1:
            return self.text
        return self.text[: round(len(self.text) * self.share)].rpartition(" ")[0]


class Talk:
    """A conversation so far. The caller's words are `said` until the agent answers them; then they are a line."""

    def __init__(self, call: ICall, brief: Brief) -> None:
        self.call = call
        self.brief = brief
        self.lines = [Line(Who(line.who), line.text) for line in brief.so_far]
        """What is settled, in order."""
        self._unanswered: list[str] = []

    @property
    def said(self) -> str:
        """All that the caller has said and the agent has not answered."""
        return " ".join(self._unanswered)

    @property
    def turns(self) -> int:
        """The number of the caller's turn, from 1."""
        return sum(line.who is Who.CALLER for line in self.lines) + bool(self._unanswered)

    @property
    def facts(self) -> Mapping[str, str]:
        """What there is to fill templates with: the call's facts, and what the agent was told."""
        return {**self.call.facts, **self.brief.variables}

    def caller_said(self, text: str) -> None:
        """The caller's turn is over, and this was it."""
        self._unanswered.append(text)

    def answered(self) -> None:
        """The agent has begun to answer: what was said until now is settled."""
        if self._unanswered:
            self.lines.append(Line(Who.CALLER, self.said))
            self._unanswered.clear()

    def agent_said(self, text: str, speech: ISpeech) -> None:
        """The agent says this; how much of it was heard is known when the speech is done."""
        line = Line(Who.AGENT, text)
        self.lines.append(line)

        def note(heard: Heard) -> Heard:
            if heard.cut:
                line.share = heard.seconds / heard.of if heard.of else 0.0
            return heard

        speech.done.addCallback(note)

    def drop_nods(self) -> None:
        """Forget what the caller said meanwhile, when it asks for no answer: "mm-hm", "okay"."""
        if all(word.lower() in NODS for word in _WORD.findall(self.said)):
            self._unanswered.clear()

"""How a human tells a flow that they do not want to be called any more, and what they are told then."""

from __future__ import annotations

import re
import unicodedata

import attrs

from voiced.call.template import Template

CONFIRM = Template.parse("You will not be called again. Goodbye.")
"""What is said, where the flow has no words of its own for it."""

_APOSTROPHES = str.maketrans("", "", "'\u2019\u02bc")
_WORD = re.compile(r"[^\W_]+")


@attrs.frozen
class OptOut:
    """The `opt_out` of a flow. An agent's tool of that name opts out as well, whatever stands here."""

    key: str | None = None
    """The key that does it, unless the step that runs waits for that very key."""
    words: tuple[str, ...] = ()
    """Each of these does it, said as whole words; case and punctuation do not matter."""
    confirm: Template = CONFIRM
    """The last sentence."""

    def said_in(self, text: str) -> bool:
        """Whether one of its words is in this text."""
        said = _plain(text)
        return any(f" {phrase} " in f" {said} " for phrase in map(_plain, self.words) if phrase)


def _plain(text: str) -> str:
    """The words of a text, with a space between each two: "Don't CALL, please!" and "dont call please" are one."""
    text = unicodedata.normalize("NFKC", text).casefold().translate(_APOSTROPHES)
    return " ".join(_WORD.findall(text))

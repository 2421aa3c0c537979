"""What a scenario's caller does and waits for, step by step: the verbs of `steps:`."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(ge=0)]
Text = Annotated[str, msgspec.Meta(min_length=1)]
Keys = Annotated[str, msgspec.Meta(pattern=r"^[0-9*#A-D]+$", description="keys of a telephone: 0 to 9, * and #")]


def words(text: str) -> str:
    """A text as it is compared: spaces and case do not matter."""
    return " ".join(text.split()).casefold()


class Hears(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller has heard a sentence to its end, or as far as it was cut, and this is in it.

    Spaces and case do not matter. `matches` is a regular expression instead, `voice` who has to say it (a voice or
    agent of voiced.yaml, or `carrier`), `within` how many seconds it may take.
    """

    shorthand: ClassVar[str] = "text"

    text: Text | None = None
    matches: Text | None = None
    voice: str | None = None
    within: Seconds | None = None

    def __post_init__(self) -> None:
        if (self.text is None) is (self.matches is None):
            raise ValueError("it says what is heard: either a text, or `matches:` with a regular expression")
        try:
            re.compile(self.matches or "")
        except re.error as error:
            raise ValueError(f"`matches` is no regular expression: {error}") from None

    def end_in(self, said: str, start: int = 0) -> int | None:
        """Where in `words(said)` it ends, looked for from that place on; None when it is not there."""
        said = words(said)
        if self.matches is not None:
            found = re.compile(self.matches, re.IGNORECASE).search(said, start)
            return None if found is None else found.end()
        at = said.find(words(self.text or ""), start)
        return None if at < 0 else at + len(words(self.text or ""))


class Begins(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The next sentence that begins so; without a text, the next sentence, whatever it is.

    Spaces and case do not matter; what is cut later only has to have begun like it.
    """

    shorthand: ClassVar[str] = "text"

    text: Text | None = None
    within: Seconds | None = None

    def fits(self, said: str) -> bool:
        """Whether a sentence is the one, as far as it has been heard."""
        wanted, said = words(self.text or ""), words(said)
        return bool(said) and (said.startswith(wanted) or wanted.startswith(said))


class NeverHears(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From here to the end of the call, nobody says this."""

    shorthand: ClassVar[str] = "text"

    text: Text


class Says(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller says this, 50 ms a letter. CAPITALS are loud enough to interrupt."""

    shorthand: ClassVar[str] = "text"

    text: Text


class Presses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller presses these keys, one after the other."""

    shorthand: ClassVar[str] = "keys"

    keys: Keys


class Waits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller does nothing for so many seconds."""

    shorthand: ClassVar[str] = "seconds"

    seconds: Seconds


class Reaches(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The flow comes to this node, or to its third step, where it is written `node.3`.

    `flow/node` is that of one flow only.
    """

    shorthand: ClassVar[str] = "node"

    node: Text
    within: Seconds | None = None

    def fits(self, flow: str, node: str, number: int) -> bool:
        """Whether a step is the one that is meant."""
        return self.node in (node, f"{node}.{number}", f"{flow}/{node}", f"{flow}/{node}.{number}")


class Comes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Something else comes that is behind the line: a lookup's answer, the end of an agent's conversation.

    It is the next of its kind, or the `times`th, since one was waited for last.
    """

    shorthand: ClassVar[str] = "what"

    what: Literal[
        "stream",
        "sentence",
        "sentence over",
        "agent",
        "agent line",
        "outcome",
        "lookup",
        "http",
        "text",
        "transfer over",
        "recording",
        "recording over",
        "stream lost",
        "answered by",
    ]
    times: Annotated[int, msgspec.Meta(ge=1)] = 1
    within: Seconds | None = None


class After(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many seconds after what was waited for last: the end of a sentence, its beginning, a step."""

    shorthand: ClassVar[str] = "seconds"

    seconds: Seconds


class Within(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many seconds the next thing that is waited for may take."""

    shorthand: ClassVar[str] = "seconds"

    seconds: Seconds


class Came(msgspec.Struct, frozen=True):
    """So many things of a kind (voiced.rehearsal.moments) have come, and the last of them `after` seconds ago; or
    it is not going to come: the caller waits no longer than `within` seconds for it. For calls that are lived through
    again; no scenario can say it.
    """

    what: str
    count: int
    after: float
    within: float


class HangsUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The caller hangs up."""


Act = Hears | Begins | NeverHears | Says | Presses | Waits | Reaches | Comes | After | Within | Came | HangsUp

ACTS: dict[str, type[Act]] = {
    "hears": Hears,
    "begins": Begins,
    "never hears": NeverHears,
    "says": Says,
    "presses": Presses,
    "waits": Waits,
    "reaches": Reaches,
    "comes": Comes,
    "after": After,
    "within": Within,
    "hangs up": HangsUp,
}
"""Every verb of `steps:`, as it is written."""

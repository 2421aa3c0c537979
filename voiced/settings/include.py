"""What flows share: files of nodes, constants and pronunciations that a flow's `include` names."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import realpath  # Path.resolve raises for links that go in a circle

import attrs

from voiced.call.pronunciation import Pronunciation
from voiced.call.template import FACT
from voiced.errors import ConfigError
from voiced.settings import plainyaml
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN

SHARED = ("include", "constants", "pronunciation")
"""What a flow may have and its included files, too, besides `nodes`."""

OURS = (
    *("call", "party", "agent", "argument", "variables"),
    *("menu", "transfer", "voicemail", "record", "hours", "queue", "random", "sms", "http"),
)
"""What the facts begin with that come of the call itself."""


@attrs.frozen
class Shared:
    """What a flow is made of, with all that it includes."""

    flow: Part
    """The flow itself; its templates know all constants."""
    parts: tuple[Part, ...]
    """The files that it includes, and those that these include; so do theirs."""
    constants: Mapping[str, str]
    pronunciation: Pronunciation


def shared(flow: Part) -> Shared:
    """Read what the flow includes; whatever is wrong is noted. What the flow says itself comes first."""
    included = _Including({realpath(flow.document.file)})
    included.take(flow)
    constants: dict[str, str] = {}
    origins: dict[str, str] = {}
    words: dict[str, str] = {}
    for part in (flow, *included.parts):
        own = _constants(part["constants"])
        constants = {**own, **constants}
        origins = {**{name: part["constants"][name].line for name in own}, **origins}
        words = {**_texts(part["pronunciation"]), **words}
    parts = (attrs.evolve(part, constants=constants, origins=origins) for part in (flow, *included.parts))
    return Shared(next(parts), tuple(parts), constants, Pronunciation(words))


@attrs.define
class _Including:
    """Files being read, each once: one that includes itself adds nothing."""

    seen: set[str]
    """Their real paths."""
    parts: list[Part] = attrs.field(factory=list)

    def take(self, part: Part) -> None:
        """The files that this one includes."""
        for named in _names(part["include"]):
            path = part.document.directory / named.value
            if (real := realpath(path)) in self.seen:
                continue
            self.seen.add(real)
            try:
                document = plainyaml.read(path, part.files.read)
            except ConfigError as error:
                if plainyaml.unreadable(error):
                    named.wrong(f"the file {path} {error.faults[0].message}")
                else:
                    part.faults.extend(error.faults)
                continue
            self._add(Part(document, part.faults, files=part.files))

    def _add(self, part: Part) -> None:
        for name, inner in part.items():
            if name not in ("nodes", *SHARED):
                inner.wrong(
                    "a file that is included has `nodes`, `constants`, `pronunciation` and `include` only", named=True
                )
        self.parts.append(part)
        self.take(part)


def _names(part: Part) -> list[Part]:
    """The parts that name a file: one, or a list of them."""
    if part.value is None or part.value is BROKEN:
        return []
    named = list(part.elements()) if isinstance(part.value, list) else [part]
    return [each for each in named if each.text() is not BROKEN]


def _constants(part: Part) -> dict[str, str]:
    """Facts that are the same for every call."""
    constants = _texts(part)
    for name in part.value if isinstance(part.value, dict) else ():
        if not FACT.fullmatch(name):
            part[name].wrong(
                "a constant is called like `shop` or `shop.phone`: letters, digits, `_` and `-`", named=True
            )
        elif name.partition(".")[0] in OURS:
            part[name].wrong(
                f"facts that begin with `{name.partition('.')[0]}.` come of the call: name it otherwise", named=True
            )
    return constants


def _texts(part: Part) -> dict[str, str]:
    return {name: text for name, inner in part.items() if (text := inner.text()) is not BROKEN}

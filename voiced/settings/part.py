"""A part of a document: what it says, where it stands, and whom to tell what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from voiced.errors import Fault
from voiced.settings.files import Files
from voiced.settings.plainyaml import BROKEN, Document, Where

_LONGEST = 60


@attrs.frozen
class Part:
    """One value of a document, with all that is below it. Faults of every part go to one list."""

    document: Document
    faults: list[Fault] = attrs.field(factory=list)
    where: Where = ()
    about: str = ""
    """What its sentences begin with; the names that `where` has after it was set follow in them."""
    base: int = 0
    constants: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """What stands for itself in the templates of a flow: name and text."""
    origins: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """The file and line of each constant."""
    files: Files = attrs.field(factory=Files, repr=False)
    """Reads whatever file it names."""

    @property
    def value(self) -> Any:
        """Text, a list, a mapping or None (also where there is nothing); BROKEN when its fault is noted already."""
        value = self.document.value
        for step in self.where:
            if isinstance(value, dict):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and step < len(value):
                value = value[step]
            else:
                return value if value is BROKEN else None
        return value

    @property
    def written(self) -> str:
        """The text as it stands in the file, in quotes, and not too long: what sentences show of it."""
        text = self.document.spot(self.where).written
        return repr(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")

    @property
    def name(self) -> str:
        """Its own name, as it stands in the file."""
        return self.document.spot(self.where).name

    @property
    def line(self) -> str:
        """The file and the line of its name: how one place is told of at another."""
        return f"{self.document.file}:{self.document.spot(self.where).name_at[0]}"

    @property
    def braces(self) -> bool:
        """Whether it is written in `{…}` or `[…]`."""
        return self.document.spot(self.where).braces

    def __getitem__(self, step: str | int) -> Part:
        where = (*self.where, step)
        return attrs.evolve(self, where=self.document.meant.get(where, where))

    def __contains__(self, name: str) -> bool:
        return isinstance(self.value, dict) and (name in self.value or (*self.where, name) in self.document.meant)

    def items(self) -> Iterator[tuple[str, Part]]:
        """The names and parts of a mapping; anything else but nothing at all is a fault."""
        value = self.value
        if isinstance(value, dict):
            yield from ((name, self[name]) for name in value)
        elif value is not None and value is not BROKEN:
            self.wrong(f"expects settings (`name: value`) below it{self._instead()}")

    def elements(self) -> Iterator[Part]:
        """The parts of a list; anything else is a fault."""
        value = self.value
        if isinstance(value, list):
            yield from (self[number] for number in range(len(value)))
        elif value is not BROKEN:
            self.wrong(f"expects a list, each entry on a line that begins with `- `{self._instead()}")

    def text(self) -> str | Any:
        """A text; BROKEN, and a fault, when it is anything else."""
        value = self.value
        if isinstance(value, str) or value is BROKEN:
            return value
        if value is None:
            return self.wrong("has no value: write one, or take the line out", named=True)
        if self.braces:
            return self.wrong("expects text, and `{` or `[` is syntax: put the text in quotes")
        return self.wrong("expects text, not a list or settings below it", named=True)

    def within(self, about: str) -> Part:
        """The same part, with sentences that begin with `about`, instead of with the names that lead here."""
        return attrs.evolve(self, about=about, base=len(self.where))

    def wrong(self, message: str, *, named: bool = False) -> Any:
        """Note a fault at the value's place (`named`: at its name's); answers BROKEN."""
        spot = self.document.spot(self.where)
        return self._note(spot.name_at if named else spot.at, message)

    def wrong_at(self, inner: Part, message: str, *, named: bool) -> Any:
        """Note a fault of this part in the place of another one below it (`named`: of its name); answers BROKEN."""
        spot = self.document.spot(inner.where)
        return self._note(spot.name_at if named else spot.at, message)

    def unknown(self, name: str, message: str) -> Any:
        """Note a fault of this part, at the place of a name in it; answers BROKEN."""
        return self._note(self.document.spot((*self.where, name)).name_at, message)

    def _note(self, at: tuple[int, int], message: str) -> Any:
        self.faults.append(Fault(self.document.file, *at, self.about + self._way() + message))
        return BROKEN

    def _way(self) -> str:
        names = []
        for depth in range(self.base + 1, len(self.where) + 1):
            step = self.where[depth - 1]
            names.append(str(step + 1) if isinstance(step, int) else self._shown(depth, step))
        return ".".join(names) + ": " if names else ""

    def _shown(self, depth: int, step: str) -> str:
        spot = self.document.spots.get(self.where[:depth])
        return spot.name if spot is not None else step

    def _instead(self) -> str:
        return f", not {self.written}" if isinstance(self.value, str) else ""

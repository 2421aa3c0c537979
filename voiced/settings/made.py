"""Who was made of the settings: voices, agents, tools and lookups are taken over where nothing about them changes.

A reload would otherwise load models again, and begin with empty caches and closed connections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import attrs

T = TypeVar("T")


@attrs.frozen
class _Thing:
    of: tuple[Any, ...]
    thing: Any


@attrs.define
class Made:
    """What was made for one program; `anew()` is for the next one."""

    _before: dict[tuple[str, str], _Thing] = attrs.field(factory=dict)
    _things: dict[tuple[str, str], _Thing] = attrs.field(factory=dict, init=False)

    def make(self, kind: str, name: str, of: tuple[Any, ...], how: Callable[[], T]) -> T:
        """What has this name: the one of before, if it was made of the same, or else a new one."""
        was = self._before.get((kind, name))
        thing: T = was.thing if was is not None and was.of == of else how()
        self._things[kind, name] = _Thing(of, thing)
        return thing

    def anew(self) -> Made:
        """For the next program."""
        return Made(self._things)

    def done(self) -> None:
        """All is made: what was not taken over lives as long as the calls that have it."""
        self._before = {}

"""Names to plugins: looks into `voiced.plugins`, and imports what stands behind a name when it is chosen.

It looks itself, and does not ask `twisted.plugin.getPlugins`: that one only logs a module that cannot be imported, so
nobody could say why a name is unknown; and it writes a cache beside the code.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import attrs
import msgspec

import voiced.plugins
from voiced.errors import VoicedError
from voiced.ivoiced import IMaker
from voiced.settings.nearest import instead


class PluginError(VoicedError):
    """A plugin that is named is not there, or cannot be used; the sentence says which ones are, and what broke."""


@attrs.frozen
class Found:
    """A plugin, and the module that it was found in."""

    maker: IMaker
    where: str


@attrs.frozen
class Registry:
    """What is installed: every plugin, and the plugin modules that could not be imported (module -> error)."""

    found: tuple[Found, ...]
    broken: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def find(cls, package: ModuleType = voiced.plugins) -> Registry:
        """Look into every module of the package, and of the directories that extend it."""
        found: dict[int, Found] = {}  # by identity: a module may import another's plugin, or name its own twice
        broken: dict[str, str] = {}
        for _, name, _ in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            try:
                module = importlib.import_module(name)
            except Exception as error:  # noqa: BLE001 - whatever a third party's module raises: it is named, not hidden
                broken[name] = f"{type(error).__name__}: {error}"
            else:
                for maker in filter(_is_maker, vars(module).values()):
                    found.setdefault(id(maker), Found(maker, name))
        return cls(tuple(found.values()), broken)

    def names(self, kind: str) -> list[str]:
        """What is installed of a kind, sorted."""
        return sorted({entry.maker.name for entry in self.found if entry.maker.kind == kind})

    def instead(self, kind: str, name: str) -> str:
        """The end of a sentence about a name that is not installed: what is, and which modules might have had it."""
        there = instead(name, self.names(kind))
        if not self.broken:
            return there
        modules = "; ".join(f"{module} fails with {error}" for module, error in sorted(self.broken.items()))
        return f"{there} (plugin modules that cannot be imported: {modules})"

    def maker(self, kind: str, name: str) -> IMaker:
        """The plugin of that name. Raises PluginError when there is none, or more than one."""
        entries = [entry for entry in self.found if (entry.maker.kind, entry.maker.name) == (kind, name)]
        if not entries:
            raise PluginError(f"no {kind} {name!r} is installed{self.instead(kind, name)}")
        if len(entries) > 1:
            modules = " and ".join(entry.where for entry in entries)
            raise PluginError(f"the {kind} {name!r} is installed more than once, by {modules}: take one away")
        return entries[0].maker

    def load(self, kind: str, name: str) -> Any:
        """What makes it, imported now: a module with `Settings` and `make`, or the class of a step.

        Raises PluginError only.
        """
        maker = self.maker(kind, name)
        try:
            loaded = _step(maker.module) if kind == "step" else importlib.import_module(maker.module)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            raise PluginError(f"the {kind} {name!r} cannot be used: {maker.module} fails with {reason}") from error
        if kind == "step" and not (inspect.isclass(loaded) and issubclass(loaded, msgspec.Struct)):
            raise PluginError(f"the step {name!r} cannot be used: {maker.module} is no msgspec.Struct")
        missing = [] if kind == "step" else [part for part in ("Settings", "make") if not hasattr(loaded, part)]
        if missing:
            raise PluginError(f"the {kind} {name!r} cannot be used: {maker.module} has no `{missing[0]}`")
        return loaded


def _is_maker(value: object) -> bool:
    return not inspect.isclass(value) and bool(IMaker.providedBy(value))


def _step(name: str) -> Any:
    module, _, class_name = name.rpartition(".")
    return getattr(importlib.import_module(module), class_name)

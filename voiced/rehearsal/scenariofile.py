"""Reads scenario files: every fault in them is named in its place, all at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import attrs
import msgspec

from voiced.errors import ConfigError, Fault
from voiced.rehearsal import names
from voiced.rehearsal.acts import ACTS
from voiced.rehearsal.scenario import Scenario, Setting
from voiced.rehearsal.turns import TURNS
from voiced.settings import check, plainyaml
from voiced.settings.load import Configuration
from voiced.settings.nearest import instead
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN

T = TypeVar("T", bound=msgspec.Struct)

_BY_VERB = ("agents", "steps")
"""What a scenario has besides its settings."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scenario file without its scenarios."""

    config: Path | None = None
    """The settings that it is for, relative to it."""
    environment: dict[str, str] = {}
    """Environment variables that voiced.yaml reads; those that are missing are made up."""


@attrs.frozen
class Written:
    """A scenario, and where it stands."""

    scenario: Scenario
    part: Part = attrs.field(repr=False, eq=False)

    @property
    def file(self) -> str:
        """The file."""
        return self.part.document.file

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.part["scenario"].document.spot(self.part["scenario"].where).name_at[0]

    def line_at(self, where: tuple[str | int, ...]) -> int:
        """Where this setting of it stands; its own line, where it stands nowhere."""
        part = self.part
        for name in where:
            part = part[name]
        return part.document.spot(part.where).name_at[0] if where else self.line

    def line_of(self, number: int) -> int:
        """Where its step of that number, from 1, stands."""
        step = self.part["steps"][number - 1]
        return step.document.spot(step.where).at[0]


@attrs.frozen
class ScenarioFile:
    """A file of scenarios."""

    path: Path
    head: Head
    scenarios: tuple[Written, ...]

    def check(self, configuration: Configuration) -> None:
        """Everything that a scenario names is there. Raises ConfigError, with everything that is not."""
        faults: list[Fault] = []
        for written in self.scenarios:
            names.check(attrs.evolve(written.part, faults=faults), written.scenario, configuration)
        if faults:
            raise ConfigError(faults)


def read(path: Path) -> ScenarioFile:
    """The file. Raises ConfigError, with everything that is wrong in it."""
    return parsed(plainyaml.read(path))


def parsed(document: plainyaml.Document) -> ScenarioFile:
    """The same of what was read already."""
    faults: list[Fault] = []
    part = Part(document, faults)
    if part.value is None:
        part.wrong("this file is empty: write a scenario (`scenario:`, `steps:`), or take it away")
    single = "scenario" in part
    own = (*_names(Setting), *_BY_VERB) if single else ("scenarios",)
    head = check.decode(part, Head, besides=own)
    if not single and not part["scenarios"].value and isinstance(part.value, dict):
        part.wrong("there is no scenario here: write `scenarios:`, and below it `- scenario: <its name>`")
    inner = [part] if single else list(part["scenarios"].elements()) if part["scenarios"].value else []
    found = [_scenario(each, _names(Head) if single else ()) for each in inner]
    _check_names(inner)
    if head is None or faults:
        raise ConfigError(
            list(dict.fromkeys(faults))
        )  # a single scenario is read twice: for the file, and for itself
    return ScenarioFile(Path(document.file), head, tuple(each for each in found if each is not None))


def _names(struct: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(field.encode_name for field in msgspec.structs.fields(struct))


def _scenario(part: Part, besides: tuple[str, ...]) -> Written | None:
    if not isinstance(part.value, dict):
        return part.wrong("a scenario is settings, and begins with `- scenario: <its name>`") and None
    setting = check.decode(part, Setting, besides=(*_BY_VERB, *besides))
    agents = {name: _verbs(inner, TURNS, f"agent {name!r}, turn") for name, inner in part["agents"].items()}
    steps = _verbs(part["steps"], ACTS, "step") if "steps" in part else ()
    if setting is None:
        return None
    plain = {name: getattr(setting, name) for name in setting.__struct_fields__}
    return Written(Scenario(**plain, agents=agents, steps=steps), part)


def _check_names(scenarios: list[Part]) -> None:
    """Two of one name could not be told apart in a report."""
    seen: set[str] = set()
    for part in scenarios:
        name = part["scenario"].value
        if isinstance(name, str) and name in seen:
            part["scenario"].wrong(f"a scenario {name!r} is in this file already")
        elif isinstance(name, str):
            seen.add(name)


def _verbs(part: Part, verbs: Mapping[str, type[T]], about: str) -> tuple[T, ...]:
    found = [_verb(inner.within(f"{about} {n}: "), verbs) for n, inner in enumerate(part.elements(), 1)]
    return tuple(each for each in found if each is not None)


def _verb(part: Part, verbs: Mapping[str, type[T]]) -> T | None:
    value = part.value
    if value is BROKEN:
        return None
    if isinstance(value, dict) and len(value) == 1:
        name, body = next(part.items())
    elif isinstance(value, str):
        name, body = value, part
    else:
        return part.wrong(f"one verb and what belongs to it, like `- {next(iter(verbs))}: …`") and None
    if name not in verbs:
        return part.wrong(f"there is no {name!r} here{instead(name, verbs)}") and None
    return _decoded(body, name, verbs[name], bare=isinstance(value, str))


def _decoded(body: Part, name: str, struct: type[T], *, bare: bool) -> T | None:
    whole = getattr(struct, "whole", None)
    shorthand = getattr(struct, "shorthand", None)
    if bare:
        try:
            return struct()
        except (TypeError, ValueError):
            return body.wrong(f"{name!r} of what? Write `- {name}: …`") and None
    if whole is not None:
        return check.decode_field(body, struct, whole)
    if isinstance(body.value, dict | None):
        return check.decode(body, struct)
    if shorthand is None:
        return body.wrong(f"takes no settings: write `- {name}`") and None
    return check.decode_field(body, struct, shorthand)

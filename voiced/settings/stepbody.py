"""One step as a flow file writes it: a verb and its body, or a bare word."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import attrs

from voiced.call.flow import Placed, Resume
from voiced.ivoiced import Mentions
from voiced.settings import check
from voiced.settings.nearest import instead
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN
from voiced.settings.registry import PluginError, Registry

RESUME = "resume"
"""What may stand beside a verb: see Resume."""


@attrs.frozen
class WrittenStep:
    """A step, and the part of the file that it was made from."""

    placed: Placed
    body: Part

    @cached_property
    def mentions(self) -> Mentions:
        """All that the step names."""
        return self.placed.step.mentions()


def read_step(part: Part, node: str, number: int, registry: Registry) -> WrittenStep | None:
    """The step that this part writes, the `number`th of its node; None when it is wrong, and that is noted."""
    about = f"node {node!r}, step {number}"
    verb = _verb(part.within(about + ": "))
    if verb is BROKEN:
        return None
    body = part[verb].within(f"{about} ({verb}): ")
    try:
        step = _decode(body, registry.load("step", verb))
    except PluginError as error:
        return body.wrong(str(error), named=True) and None
    resume = _resume(part.within(about + ": "))
    return None if step is None or resume is BROKEN else WrittenStep(Placed(verb, step, resume), body)


def _resume(part: Part) -> Any:
    """How it goes on whose daemon was killed or restarted in it; BROKEN when that is wrong, and noted."""
    ways: dict[Any, Resume] = {way.value: way for way in Resume}
    if RESUME not in part:
        return Resume.CONTINUE
    way = part[RESUME].text()
    if way is BROKEN or way in ways:
        return ways.get(way, BROKEN)
    return part[RESUME].wrong(f"no step goes on by {part[RESUME].written}{instead(way, ways)}")


def _verb(part: Part) -> Any:
    value = part.value
    if isinstance(value, str) or value is BROKEN:
        return value
    if not isinstance(value, dict) or not value:
        return part.wrong('a step is a verb and its settings, like `- say: "Hello"`')
    first, *others = (name for name in value if name != RESUME or len(value) == 1)
    if not others:
        return first
    if value[first] is None:
        return part.unknown(others[0], f"indent the settings of {first!r} below it")
    return part.unknown(
        others[0], f"a step is one verb, and {first!r} is it: begin {others[0]!r} with `- ` of its own"
    )


def _decode(body: Part, step: Any) -> Any:
    entries = getattr(step, "entries", None)
    if entries is not None and body.value is not BROKEN:
        return check.decode_field(body, step, entries)
    if isinstance(body.value, dict | None) or body.value is BROKEN:
        return check.decode(body, step)
    shorthand = getattr(step, "shorthand", None)
    if shorthand is not None:
        return check.decode_field(body, step, shorthand)
    names = ", ".join(step.__struct_encode_fields__)
    return body.wrong(f"expects settings below it ({names})" if names else "takes no settings") and None

"""All that is looked for.

A new kind of finding is a file beside this one, and a line in WARNINGS; or in `warnings`, where it is about all flows
together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from voiced.errors import Fault
from voiced.settings.registry import Registry
from voiced.settings.review.calling import endless
from voiced.settings.review.circles import circles
from voiced.settings.review.early import early
from voiced.settings.review.failing import unfollowed
from voiced.settings.review.lengths import too_long
from voiced.settings.review.openness import openness
from voiced.settings.review.parting import unheard
from voiced.settings.review.reach import unreached
from voiced.settings.review.road import Road
from voiced.settings.review.scripts import Scripts, told_of
from voiced.settings.review.wordings import unworded

Finder = Callable[[Road, Scripts], Iterator[Fault]]

WARNINGS: tuple[Finder, ...] = (unreached, circles, early, too_long, unfollowed, unheard, unworded)
"""What is looked for in each flow, once nothing is wrong in any file: `finder(road, scripts)`."""


def warnings(scripts: Scripts) -> tuple[Fault, ...]:
    """What works, and nobody can have meant; each once, in the order of the files."""
    ways = [Road(scripts.flows[name], flow) for name, flow in scripts.made.items()]
    found = {told_of(way.loading, fault) for way in ways for find in WARNINGS for fault in find(way, scripts)}
    return tuple(sorted({*found, *endless(ways, scripts), *openness(scripts)}))


def broken_plugins(registry: Registry, file: str) -> Iterator[Fault]:
    """The modules of plugins that cannot be imported; nothing in the files names what they may have had."""
    for module, error in sorted(registry.broken.items()):
        why = f"the plugin module {module} cannot be imported ({error}), and nothing here needs it"
        yield Fault(file, 1, 1, f"{why}: mend it, or take it away")

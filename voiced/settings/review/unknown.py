"""Facts that a flow reads and nothing can set: a slip of the pen, and an error where that can be known."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Set
from itertools import chain
from typing import Any

from voiced.call.facts import OF_CALLS, OPEN, covers
from voiced.call.ordered import VARIABLES
from voiced.errors import Fault
from voiced.settings.flowfile import Loading
from voiced.settings.include import OURS
from voiced.settings.part import Part
from voiced.settings.review.places import finding, read_in
from voiced.settings.review.scripts import Scripts, mentions_of, told_of

ARGUMENT = "argument."
"""What the facts begin with that one flow passes to another."""
_OPENED = ("party.*", "agent.*")
"""What a step that cannot be read may set, besides whatever it names."""


def unknown(scripts: Scripts, *, all_read: bool = True) -> Iterator[Fault]:
    """Each fact that nothing sets, once for each step that needs it.

    Not `all_read`: a flow that nobody can read may call any other, and set anything, but for what comes of the call.
    """
    for name, loading in scripts.flows.items():
        family = scripts.family(name)
        if family <= set(scripts.flows):  # else one of them cannot be read, and may set anything
            sure = _known(scripts, name, family)
            known = sure.union(*(_in_faulty(scripts.flows[member]) for member in family))
            opened = [each for each in known if each.endswith(OPEN)]
            for body, fact in _reads(loading):
                if not all_read and not fact.startswith("call."):
                    continue
                if fact not in known and not any(covers(each, fact) for each in opened):
                    yield told_of(loading, _fault(body, fact, sure))


def _reads(loading: Loading) -> Iterator[tuple[Part, str]]:
    """The facts that the flow's head and its steps need, each once, and where they do."""
    head, part = loading.head, loading.shared.flow
    if head is not None and head.disclose is not None:
        yield from ((part["disclose"], fact) for fact in dict.fromkeys(head.disclose.needs))
    if head is not None and head.opt_out is not None:
        yield from ((part["opt_out"], fact) for fact in dict.fromkeys(head.opt_out.confirm.needs))
    for step in loading.steps:
        yield from ((step.body, fact) for fact in dict.fromkeys(mentions_of(step).reads))


def _known(scripts: Scripts, name: str, family: Set[str]) -> set[str]:
    """The facts that may be set when a step of this flow runs."""
    head = scripts.flows[name].head
    variables = None if head is None else head.variables
    known = set(OF_CALLS)
    known |= {VARIABLES + "*"} if variables is None else {VARIABLES + each for each in variables}
    known |= {ARGUMENT + each for each in scripts.passed_to(name)}
    for member in family:
        known |= scripts.set_in(member)
        for part in (scripts.flows[member].shared.flow, *scripts.flows[member].shared.parts):
            constants = part["constants"].value
            known |= set(constants if isinstance(constants, dict) else ())
    return known


def _in_faulty(loading: Loading) -> Iterator[str]:
    """What steps with a fault may set: whatever they name, and more, where they could not be read at all."""
    for part, step in loading.faulty:
        yield from _words(part.value)
        yield from _OPENED if step is None else ()


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from chain(value, *map(_words, value.values()))
    elif isinstance(value, list):
        yield from chain.from_iterable(map(_words, value))


def _fault(body: Part, fact: str, known: set[str]) -> Fault:
    part, place = read_in(body, fact)
    shown, near = f"{{{fact}}}" if place else repr(fact), _near(fact, known)
    meant = f"did you mean {f'{{{near}}}' if place else repr(near)}?" if near else _whence(fact, known)
    default = f" Or write a default, like {{{fact}|there}}" if place else ""
    return finding(part, f"nothing sets {shown}: {meant}{default}")


def _near(fact: str, known: set[str]) -> str:
    """The name that may be meant, of those that are set; "": none. Whoever begins alike comes first."""
    near = difflib.get_close_matches(fact, _alike(fact, known), 1)
    if not near and _first(fact) not in OURS:
        near = difflib.get_close_matches(fact, sorted(name for name in known if not name.endswith(OPEN)), 1)
    return near[0] if near else ""


def _alike(fact: str, known: set[str]) -> list[str]:
    return sorted(name for name in known if _first(name) == _first(fact) and not name.endswith(OPEN))


def _first(fact: str) -> str:
    return fact.partition(".")[0]


def _whence(fact: str, known: set[str]) -> str:
    """What would set such a fact."""
    if _first(fact) in OURS and (alike := _alike(fact, known)):
        return f"there are {', '.join(alike)}."
    match _first(fact):
        case "party":
            return "a `lookup` step does, and no step here is one."
        case "agent":
            return "an `agent` step does, and no step here is one."
        case "hours" | "http" | "menu" | "queue" | "random" | "record" | "sms" | "transfer" | "voicemail" as verb:
            return f"the step `{verb}` sets such facts, and none here sets this one."
        case "argument":
            return "a `call` that passes it would, and none does."
        case "variables":
            return "add it to the flow's `variables:`."
        case _:
            return "add a step that does, or a constant."

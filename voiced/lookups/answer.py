"""The facts in a web service's answer: what its JSON says at the places that the operator names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.logger import Logger

from voiced.errors import LookupFailed
from voiced.lookups.facts import is_name
from voiced.net import jsonanswer

NOT_KNOWN = (204, 404)
"""Statuses that say that nothing is known of this caller."""

_log = Logger()


def check_paths(paths: Mapping[str, str]) -> None:
    """Raises ValueError for a name that no flow can read, and for what is no path."""
    for name, path in paths.items():
        if not is_name(name):
            raise ValueError(f"`facts`: {name!r} is no name that a flow can read: use letters, digits and `_`")
        if not jsonanswer.PATH.fullmatch(path):
            raise ValueError(f"`facts`: {name!r} leads to {path!r}: write a path like customer.name or orders.0.id")


def refusal(status: int) -> str:
    """What it means that the service answered with this status: how the sentence goes on after its host."""
    if status in (401, 403):
        return f"does not let us in ({status}): check the key in `headers`"
    if 300 <= status < 400:
        return f"sends us elsewhere ({status}), and we do not follow: write in `url` where it leads"
    if status == 429 or status >= 500:
        return f"has trouble of its own, or is asked too often ({status})"
    return f"answered {status}: check `url`"


def facts_in(body: bytes, paths: Mapping[str, str], host: str) -> dict[str, str]:
    """The facts, by name; without `paths` every text, number and truth at the top. What is null is left out.

    Raises LookupFailed when the body is no JSON, or not such that facts can be found in it.
    """
    try:
        answer = jsonanswer.read(body)
    except ValueError:
        raise LookupFailed(f"{host} answered with something that is no JSON: check `url`") from None
    if paths:
        found = {name: jsonanswer.at(answer, path) for name, path in paths.items()}
    elif isinstance(answer, dict):
        found = {name: value for name, value in answer.items() if is_name(name) and not _holds(value)}
    elif answer is None:
        found = {}
    else:
        raise LookupFailed(f"{host} answered with JSON that is no object: say in `facts` where they are")
    for name in [name for name, value in found.items() if _holds(value)]:
        _log.warn("{host}: the fact {name} leads to a list or an object: name one value in it", host=host, name=name)
    texts = {name: jsonanswer.text(value) for name, value in found.items()}
    return {name: text for name, text in texts.items() if text is not None}


def _holds(value: Any) -> bool:
    return isinstance(value, (dict, list))

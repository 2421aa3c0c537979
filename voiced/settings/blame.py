"""Where that stands which a Struct's own check (`__post_init__`) is not content with.

Its sentence says so: it begins with the setting in backticks (`` `open`: '9-17' is not of the form … ``), and
quotes the name or the text in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs

from voiced.call.template import Template
from voiced.settings.part import Part

_SETTING = re.compile(r"`([\w-]+)[`:]")
_QUOTED = re.compile(r"'([^']+)'")


def complain(part: Part, sentence: str) -> None:
    """Note a fault of this part where its sentence says that it is."""
    blamed, named = _blamed(part, sentence)
    part.wrong_at(blamed, sentence + constants_in(blamed), named=named)


def constants_in(part: Part) -> str:
    """Where the constants stand that a text is made of: the end of a sentence about it."""
    facts = _template(part, {}).facts
    places = [f"{{{name}}} is a constant, in {part.origins[name]}" for name in facts if name in part.origins]
    return f" ({'; '.join(places)})" if places else ""


def _blamed(part: Part, sentence: str) -> tuple[Part, bool]:
    """What the sentence is about, and whether that is a name."""
    setting = _setting(part, sentence)
    if texts := list(_texts(setting, sentence, pieces=setting is not part)):
        return texts[-1], False
    if names := list(_names(setting, sentence)):
        return names[-1], True
    return setting, not isinstance(setting.value, str)


def _setting(part: Part, sentence: str) -> Part:
    """The first setting that is written of those which the sentence names, if it begins with one; else the part."""
    names = _SETTING.findall(sentence) if sentence.startswith("`") else []
    return next((part[name] for name in names if name in part), part)


def _texts(part: Part, sentence: str, *, pieces: bool) -> Iterator[Part]:
    """The texts in it that the sentence quotes, or else such that have `pieces` which it quotes."""
    texts = [each for each in _below(part) if isinstance(each.value, str) and each.value]
    exact = [each for each in texts if repr(each.value) in sentence or repr(_filled(each)) in sentence]
    quoted = _QUOTED.findall(sentence) if pieces else []
    yield from exact or (each for each in texts if any(piece in each.value for piece in quoted))


def _names(part: Part, sentence: str) -> Iterator[Part]:
    """The names in it that the sentence quotes."""
    return (each for each in _below(part) if each is not part and each.name and repr(each.where[-1]) in sentence)


def _filled(part: Part) -> str:
    """The text as a step sees it: with the constants in it."""
    return _template(part, part.constants).fill({})


def _template(part: Part, constants: Mapping[str, str]) -> Template:
    """The text with its places; plain where these are not right."""
    text = part.value if isinstance(part.value, str) else ""
    try:
        return Template.parse(text, constants)
    except ValueError:
        return Template.plain(text)


def _below(part: Part) -> Iterator[Part]:
    depth = len(part.where)
    for where in part.document.spots:
        if where[:depth] == part.where:
            yield attrs.evolve(part, where=where)

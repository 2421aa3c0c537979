"""Decodes a part of a document into a msgspec.Struct, field by field, so that every fault is named in its place.

(msgspec itself stops at the first fault of a block, and knows no lines.)
"""

from __future__ import annotations

import enum
import types
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import attrs
import msgspec

from voiced.call.spoken import Language, language
from voiced.call.template import Template, Unspoken
from voiced.secret import Secret
from voiced.settings import limits
from voiced.settings.blame import complain
from voiced.settings.nearest import instead, nearest
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN

S = TypeVar("S", bound=msgspec.Struct)

_YES_AND_NO = ("yes", "no", "on", "off", "y", "n", "1", "0")


def decode(part: Part, struct: type[S], besides: Collection[str] = ()) -> S | None:
    """The part as an instance of `struct`; every fault in it is noted.

    A field that is wrong has its default, so that what follows from the others can be checked too; None when that
    cannot be. One that is written with a slip has its value all the same: it is not missing, too. `besides` are names
    that the part may also have, and that somebody else reads.
    """
    fields = msgspec.structs.fields(struct)
    known = [field.encode_name for field in fields] + list(besides)
    slips: dict[str, Part] = {}
    for name, inner in part.items():
        if name not in known:
            _unknown(part, inner, known)
            meant = nearest(inner.name, known)
            if meant is not None and meant not in part:
                slips.setdefault(meant, inner)
    if not part.where:
        part.document.meant.update(((name,), inner.where) for name, inner in slips.items())
    if part.value is not None and not isinstance(part.value, dict):
        return None
    given = {field.name: _given(part, field, slips) for field in fields}
    return _make(part, struct, {name: value for name, value in given.items() if value is not _NOTHING})


_NOTHING = object()


def _given(part: Part, field: msgspec.structs.FieldInfo, slips: Mapping[str, Part]) -> Any:
    """The value of a field, also of one that is written with a slip: only that is noted of it."""
    if field.encode_name in slips:
        return convert(attrs.evolve(slips[field.encode_name], faults=[]), field.type)
    return convert(part[field.encode_name], field.type) if field.encode_name in part else _NOTHING


def decode_field(part: Part, struct: type[S], name: str) -> S | None:
    """The same from a part that fills the one field of that name."""
    field = next(field for field in msgspec.structs.fields(struct) if field.name == name)
    return _make(part, struct, {name: convert(part, field.type)})


def _make(part: Part, struct: type[S], values: Mapping[str, Any]) -> S | None:
    required = [field for field in msgspec.structs.fields(struct) if field.required]
    for field in required:
        if field.name not in values:
            part.wrong(f"the setting {field.encode_name!r} is missing", named=True)
    sound = {name: value for name, value in values.items() if value is not BROKEN}
    if any(field.name not in sound for field in required):
        return None
    try:
        return struct(**sound)
    except (TypeError, ValueError) as error:  # what a `__post_init__` has to say
        if len(sound) == len(values):  # else it may only miss what is wrong already
            complain(part, str(error))
        return None


def _unknown(part: Part, inner: Part, known: Collection[str]) -> None:
    name = inner.name
    if inner.value is None and (" " in name or "." in name):
        hint = "; in {…} an unquoted comma ends a text, and `{` begins settings: put the text in quotes"
    else:
        hint = instead(name, known)
    part.unknown(str(inner.where[-1]), f"there is no setting {name!r} here{hint}")


def convert(part: Part, kind: Any) -> Any:
    """The part as a value of that type; BROKEN, and every fault noted, when it is none."""
    if part.value is BROKEN:
        return BROKEN
    if kind == Unspoken:
        return _filled(part)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        value = convert(part, arguments[0])
        for limit in arguments[1:]:
            if value is not BROKEN and isinstance(limit, msgspec.Meta) and (sentence := limits.broken(value, limit)):
                shown = f", not {part.written}" if isinstance(part.value, str) and part.value else ""
                value = part.wrong(sentence + shown)
        return value
    if origin in (Union, types.UnionType):
        return _one_of(part, arguments)
    if origin is Literal:
        return _choice(part, {str(choice): choice for choice in arguments})
    if origin is not None:
        return _many(part, origin, arguments)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        value = decode(part, kind)
        return BROKEN if value is None else value
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return _choice(part, {str(member.value): member for member in kind})
    return _CONVERTERS.get(kind, _other(kind))(part)


def _one_of(part: Part, kinds: tuple[Any, ...]) -> Any:
    """The first type of a union that takes the value, among those that are written as the value is."""
    if part.value is None and type(None) in kinds:
        return None
    real = [kind for kind in kinds if kind is not type(None)]
    if tagged := [kind for kind in real if _tag(kind) is not None]:
        return _tagged(part, tagged)
    fitting = [kind for kind in real if isinstance(part.value, _shape(kind))] or real[:1]
    for kind in fitting[:-1]:
        trial = attrs.evolve(part, faults=[])
        value = convert(trial, kind)
        if not trial.faults:
            return value
    return convert(part, fitting[-1])


def _tag(kind: Any) -> tuple[str, str] | None:
    """The setting by which a Struct is told from others, and its value there."""
    config = getattr(kind, "__struct_config__", None)
    return None if config is None or config.tag is None else (config.tag_field, config.tag)


def _tagged(part: Part, kinds: list[Any]) -> Any:
    """The Struct whose tag is written; the first one's, where none is."""
    tags = {tag: kind for kind in kinds for field, tag in [_tag(kind) or ("", "")]}
    field = (_tag(kinds[0]) or ("", ""))[0]
    chosen = _choice(part[field], {str(tag): tag for tag in tags}) if field in part else next(iter(tags))
    if chosen is BROKEN:
        return BROKEN
    value = decode(part, tags[chosen], besides=(field,))
    return BROKEN if value is None else value


def _shape(kind: Any) -> type:
    """What a value of this type is written as."""
    origin = get_origin(kind) or kind
    if origin is Annotated:
        return _shape(get_args(kind)[0])
    if not isinstance(origin, type):
        return str
    if issubclass(origin, (msgspec.Struct, Mapping)):
        return dict
    return list if origin in (list, tuple, set, frozenset) else str


def _many(part: Part, origin: Any, arguments: tuple[Any, ...]) -> Any:
    if issubclass(origin, Mapping):
        pairs = [(_name(inner, name, arguments[0]), convert(inner, arguments[1])) for name, inner in part.items()]
        broken = not isinstance(part.value, dict | None) or any(BROKEN in (n, v) for n, v in pairs)
        return BROKEN if broken else dict(pairs)
    values = [convert(inner, arguments[0]) for inner in part.elements()]
    broken = not isinstance(part.value, list) or any(value is BROKEN for value in values)
    return BROKEN if broken else (tuple if origin is tuple else origin)(values)


def _name(part: Part, name: str, kind: Any) -> Any:
    """A name of a mapping; its type may be a Literal or an Enum."""
    if get_origin(kind) is Literal and name not in get_args(kind):
        return part.wrong(f"{part.name!r} may not stand here{instead(part.name, get_args(kind))}", named=True)
    return name


def _choice(part: Part, choices: Mapping[str, Any]) -> Any:
    text = part.text()
    if text is BROKEN or text in choices:
        return choices.get(text, BROKEN)
    return part.wrong(f"{part.written} is not a choice{instead(text, choices)}")


def _truth(part: Part) -> Any:
    text = part.text()
    if text is BROKEN:
        return BROKEN
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    hint = "write true or false" if text.lower() in _YES_AND_NO else "expects true or false"
    return part.wrong(f"{hint}, not {part.written}")


def _template(part: Part) -> Any:
    """A text, or several by their languages."""
    if isinstance(part.value, dict) and any(value is not None for value in part.value.values()):
        return _wordings(part)
    return _filled(part)


def _filled(part: Part) -> Any:
    """One text, with facts in it."""
    text = part.text()
    try:
        return text if text is BROKEN else Template.parse(text, part.constants)
    except ValueError as error:
        return part.wrong(str(error))


def _wordings(part: Part) -> Any:
    """One text in several languages: `{en: "Good morning.", de: "Guten Morgen."}`."""
    pairs = [(language_of(inner), _filled(inner)) for _, inner in part.items()]
    broken = any(BROKEN in pair for pair in pairs)
    return BROKEN if broken else Template.worded(dict(pairs))


def language_of(part: Part) -> Any:
    """The tag of a language that a part is named after."""
    try:
        return language(part.name)
    except ValueError as error:
        return part.wrong(str(error), named=True)


def _language(part: Part) -> Any:
    text = part.text()
    try:
        return text if text is BROKEN else Language(language(text))
    except ValueError as error:
        return part.wrong(str(error))


def _secret(part: Part) -> Any:
    text = part.text()
    if text is BROKEN:
        return BROKEN
    return Secret(text) if text.strip() else part.wrong("is empty, and this secret is needed")


def _path(part: Part) -> Any:
    """Relative to the file that names it, wherever the daemon was started."""
    text = part.text()
    return text if text is BROKEN else part.document.directory / text


def _other(kind: Any, expected: str = "") -> Callable[[Part], Any]:
    """Whatever msgspec makes of a text."""

    def make(part: Part) -> Any:
        text = part.text()
        try:
            return text if text is BROKEN else limits.finite(msgspec.convert(text, kind, strict=False))
        except (msgspec.ValidationError, ValueError):
            return part.wrong(f"expects {expected or f'a {kind.__name__}'}, not {part.written}")

    return make


_CONVERTERS: dict[Any, Callable[[Part], Any]] = {
    Any: lambda part: part.value,
    str: Part.text,
    bool: _truth,
    int: _other(int, "a whole number"),
    float: _other(float, "a number"),
    Decimal: _other(Decimal, "a number"),
    Template: _template,
    Language: _language,
    Secret: _secret,
    Path: _path,
}

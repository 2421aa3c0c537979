"""The `api:` of voiced.yaml: the keys that open it, each with what it may do, and the pages that may use it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any
from urllib.parse import urlsplit

import attrs
import msgspec

from voiced.guard.keys import ApiKeys
from voiced.iguard import Party
from voiced.secret import Secret
from voiced.settings import check
from voiced.settings.address import local
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN

SHORTEST = 20
"""Characters. 20 of a random base64 text are 120 bits."""
_BEARER = re.compile(r"[!-~]+")
"""What an Authorization header can carry, and no proxy changes."""
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")

Count = Annotated[int, msgspec.Meta(ge=1)]


@attrs.frozen
class Api:
    """Who may use the API. Without keys it is off."""

    keys: ApiKeys = attrs.field(factory=ApiKeys)
    cors: tuple[str, ...] = ()
    """The origins (RFC 6454: scheme, host, port) of pages that may use it from a browser, as browsers send them."""


class Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What says all it means."""

    cors: tuple[str, ...] = ()
    """Web pages that may use it from a browser, by their origin."""


class WrittenKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key with a name."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    """Whatever the key does is noted by it."""
    flows: frozenset[str] | None = None
    """The flows that it may use; else all."""
    calls_per_minute: Count | None = None
    """Calls that it may place in a minute."""
    calls_per_day: Count | None = None
    """Calls that it may place in a day."""


def api(part: Part) -> Api | None:
    """Who may use the API, or None; whatever is wrong is noted."""
    before = len(part.faults)
    if isinstance(part.value, str):  # maybe a key: nothing of it is shown
        return part.wrong('expects settings below it, like `keys: ["${VOICED_API_KEY}"]`') and None
    written = check.decode(part, Written, ("keys",))
    keys = _keys(part["keys"])
    for number, origin in enumerate(written.cors if written is not None else ()):
        _check_origin(part["cors"][number], origin)
    return None if written is None or len(part.faults) > before else Api(ApiKeys(keys), written.cors)


def _keys(part: Part) -> list[tuple[str, Party]]:
    keys: list[tuple[str, Party]] = []
    if isinstance(part.value, str):  # likewise
        part.wrong("expects a list, each key on a line that begins with `- `")
        return keys
    for number, inner in enumerate(() if part.value is None else part.elements(), 1):
        named = isinstance(inner.value, dict)
        party = _party(inner) if named else Party(f"key-{number}")
        key = _key(inner["key"] if named else inner)
        if party is None or key is None:
            continue
        if any(known.name == party.name for _, known in keys):
            inner.wrong(
                f"the name {party.name!r} is here twice: whatever a key does is noted by its name", named=True
            )
        if any(known == key for known, _ in keys):
            inner.wrong("this key is here twice: each name needs a key of its own", named=True)
        keys.append((key, party))
    return keys


def _party(part: Part) -> Party | None:
    if "key" not in part:
        part.wrong("the setting 'key' is missing")
    written = check.decode(part, WrittenKey, ("key",))
    if written is None:
        return None
    return Party(written.name, written.flows, written.calls_per_minute, written.calls_per_day)


def _key(part: Part) -> str | None:
    """The key. None where it is not set (`${VOICED_API_KEY:-}`): as if the line were not there."""
    if part.value is None:
        return None
    secret = check.convert(part, Secret)
    if secret is BROKEN:
        return None
    key = str(secret.reveal())
    if len(key) < SHORTEST:
        return (
            part.wrong(f"is shorter than {SHORTEST} characters: `openssl rand -base64 24` makes a good one") and None
        )
    if not _BEARER.fullmatch(key):
        return (
            part.wrong("has characters that a header cannot carry: letters, digits and signs of ASCII only") and None
        )
    return key


def _check_origin(part: Part, origin: str) -> Any:
    if origin == "*":
        return part.wrong("`*` would let every page on the web try: write each origin")
    if not _ORIGIN.fullmatch(origin):
        return part.wrong(
            f"{part.written} is no origin like https://app.example.com: scheme, host in small letters, port; no path"
        )
    if origin.startswith("http:") and not local(urlsplit(origin).hostname):
        return part.wrong(f"{part.written} must begin with https:// (http:// is for this machine itself)")
    return None


def api_flows(part: Part) -> Iterator[Part]:
    """Where it names flows."""
    keys = part["keys"].value
    for number in range(len(keys) if isinstance(keys, list) else 0):
        flows = part["keys"][number]["flows"]
        if isinstance(flows.value, list):
            yield from flows.elements()

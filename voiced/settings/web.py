"""The `http:` of voiced.yaml: what the step `http` may ask of our own network, and how its requests are signed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from voiced.net.headers import is_settable, is_value
from voiced.net.signature import Signature
from voiced.secret import Secret
from voiced.settings import check
from voiced.settings.nearest import instead
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN
from voiced.webservices import WebRules

_NAMES = ("sign", "private", "headers")
_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]+", re.ASCII)


def web(part: Part) -> WebRules | None:
    """The rules, or None; whatever is wrong is noted."""
    before = len(part.faults)
    for name, inner in part.items():
        if name not in _NAMES:
            part.unknown(name, f"there is no setting {inner.name!r} here{instead(inner.name, _NAMES)}")
    private = part["private"]
    hosts = [_host(inner, inner.text()) for inner in (() if private.value is None else private.elements())]
    headers = {_host(inner, name, named=True): _headers(inner) for name, inner in part["headers"].items()}
    signature = _signature(part["sign"])
    return WebRules(signature, frozenset(hosts), headers) if len(part.faults) == before else None


def private_hosts(part: Part) -> frozenset[str]:
    """The hosts in `private`, whether all is right there or not."""
    value = part["private"].value
    hosts = value if isinstance(value, list) else ()
    return frozenset(_plain(host) for host in hosts if isinstance(host, str))


def hosts_with_headers(part: Part) -> frozenset[str]:
    """The hosts that have headers, whether all is right there or not."""
    value = part["headers"].value
    return frozenset(_plain(host) for host in value) if isinstance(value, dict) else frozenset()


def _plain(host: str) -> str:
    return host.lower().removeprefix("[").removesuffix("]")


def _host(part: Part, written: Any, *, named: bool = False) -> str:
    """A host as a URL has it."""
    if written is BROKEN:
        return ""
    host = _plain(str(written))
    if not _HOST.fullmatch(host):
        shown = repr(part.name) if named else part.written
        part.wrong(f"{shown} is no host like crm.internal or 10.0.0.5: no scheme, no port, no path", named=named)
    return host


def _headers(part: Part) -> Mapping[str, Secret]:
    headers: dict[str, Secret] = {}
    if isinstance(part.value, str):  # maybe a secret: nothing of it is shown
        part.wrong('expects headers below it, like `Authorization: "Bearer ${TOKEN}"`')
        return headers
    for name, inner in part.items():
        value = check.convert(inner, Secret)
        if value is BROKEN:
            continue
        headers[name] = value
        if not is_settable(name):
            inner.wrong(f"{name!r} is no header that can be set", named=True)
        elif not is_value(value.reveal()):
            inner.wrong(f"{name!r} holds a line break, or what is not ASCII", named=True)
    return headers


def _signature(part: Part) -> Signature | None:
    """What signs. None where it is not set (`${VOICED_HTTP_SECRET:-}`): as if the line were not there."""
    secret = None if part.value is None else check.convert(part, Secret)
    if secret is None or secret is BROKEN:
        return None
    try:
        return Signature.parse(secret)
    except ValueError as error:
        return part.wrong(str(error)) and None

"""Requests that one daemon passes on to another of the same machine: as they came, byte for byte, for their signature
holds for that.

They come in by a socket that only the daemon's own user can reach. So what is said there of the URL that was asked is
believed, and what has come that way goes no further.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from twisted.web.resource import IResource, Resource

BASES = "X-Voiced-Bases"
"""The URLs by which the daemon that was asked is known, and of which one may be signed."""
MISDIRECTED = 421
"""The answer of a daemon that does not have the call (RFC 9110, 15.5.20)."""
KEPT = (
    "Content-Type",
    "X-Twilio-Signature",
    "I-Twilio-Idempotency-Token",
    "Authorization",
)
"""The headers that our routes read."""


@attrs.frozen
class Asked:
    """A request, as it came."""

    method: str
    uri: str
    """Path and query."""
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


def asked(request: Any, bases: Iterable[str] = ()) -> Asked:
    """What this request asks; `bases` are the URLs that we are known by."""
    known = {name: request.getHeader(name) for name in KEPT}
    headers = {name: value for name, value in known.items() if value is not None}
    request.content.seek(0)
    uri = request.uri.decode("latin-1")
    return Asked(request.method.decode("latin-1"), uri, {**headers, BASES: " ".join(bases)}, request.content.read())


def is_relayed(request: Any) -> bool:
    """Whether another daemon has passed it on."""
    return getattr(request, "relayed", False)


def bases(request: Any) -> list[str]:
    """The URLs that the daemon is known by which has passed it on; none where it has come from elsewhere."""
    return (request.getHeader(BASES) or "").split() if is_relayed(request) else []


class Relayed(Resource):
    """The root of the site that other daemons reach: whatever comes that way, has been passed on. `own` are resources
    for them alone, by their paths."""

    isLeaf = True

    def __init__(self, root: IResource, own: Mapping[str, IResource]) -> None:
        super().__init__()
        self._root = root
        self._own = own

    def render(self, request: Any) -> Any:
        """Named by twisted.web."""
        request.relayed = True
        path: str = request.path.decode("latin-1")
        rooms = (room for own, room in self._own.items() if path.startswith(own + "/"))
        return next(rooms, self._root).render(request)

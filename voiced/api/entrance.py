"""Who may come in: the API key of a request, and the web pages that may send one (CORS)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from twisted.logger import Logger

from voiced.api.answer import Declined
from voiced.iguard import Party

ALLOWED_HEADERS = "Authorization, Content-Type, Idempotency-Key"
EXPOSED_HEADERS = "Retry-After, X-Request-Id"
"""Headers of an answer that a page's script may read."""
REMEMBER = 600
"""Seconds for which a browser may keep what a preflight said."""

log = Logger()

_BEARER = re.compile(r"(?i:bearer) +([!-~]+)")


class Entrance:
    """`party_of` finds the party of a key, in constant time; None: the API is off. `cors` lists origins, verbatim."""

    def __init__(self, party_of: Callable[[str], Party | None] | None, cors: Sequence[str]) -> None:
        self._party_of = party_of
        self._cors = frozenset(cors)

    def party(self, request: Any) -> Party:
        """Who asks. Raises Declined: without a good key, and for all when the API is off."""
        if self._party_of is None:
            raise Declined(403, "the API is off: set `api.keys` in voiced.yaml")
        values = headers(request, "Authorization")
        match = _BEARER.fullmatch(values[0]) if len(values) == 1 else None
        party = self._party_of(match[1]) if match is not None else None
        if party is None:
            log.warn("refused an API request without a good key")
            raise Declined(401, "this needs an API key: Authorization: Bearer …", {"WWW-Authenticate": "Bearer"})
        return party

    def cors(self, request: Any) -> dict[str, str]:
        """The headers with which every answer says whether a page may read it."""
        vary = {"Vary": "Origin"}
        origins = headers(request, "Origin")
        if len(origins) != 1 or origins[0] not in self._cors:
            return vary
        return {**vary, "Access-Control-Allow-Origin": origins[0], "Access-Control-Expose-Headers": EXPOSED_HEADERS}

    def preflight(self, request: Any, methods: str) -> dict[str, str]:
        """What a browser is told that asks before it sends a page's request (Fetch standard, CORS-preflight)."""
        allowed = self.cors(request)
        if "Access-Control-Allow-Origin" not in allowed:
            return allowed
        return {
            **allowed,
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": str(REMEMBER),
        }


def headers(request: Any, name: str) -> list[str]:
    """The values of a header, each as it came; bytes that are no text stay what they are, as latin-1."""
    return [value.decode("latin-1").strip() for value in request.requestHeaders.getRawHeaders(name.encode(), [])]

"""Writes one line for each answered request: what was asked for, without what must not be read in a log."""

from __future__ import annotations

from twisted.logger import Logger, LogLevel

LONGEST = 200
"""Characters of a path that are shown."""
LONGEST_METHOD = 20

log = Logger()


def note(
    method: bytes, uri: bytes, status: int, size: int, seconds: float, request_id: str, party: str | None = None
) -> None:
    """An answer with that status was given, `size` bytes of body long, `seconds` after the request was there.

    `party` is the name of the API key that asked (None: the carrier, or a stranger). The carrier asks several times
    for each call, which the call's own lines tell better: that is for whoever looks for a fault.
    """
    log.emit(
        LogLevel.debug if party is None else LogLevel.info,
        "{party}{method} {path}: {status}, {size} bytes in {milliseconds} ms, request {request}",
        party="" if party is None else f"{party}: ",
        method=_shown(method, LONGEST_METHOD),
        path=_shown(uri, LONGEST),
        status=status,
        size=size,
        milliseconds=round(seconds * 1000, 1),
        request=request_id,
    )


def _shown(text: bytes, longest: int) -> str:
    """The beginning of a stranger's text: without its query, where secrets are, and as nothing but ASCII."""
    path = text.partition(b"?")[0][:longest].decode("latin-1")
    return path.encode("unicode_escape").decode("ascii")[:longest]

"""What the API answers: a status and a message; and which ones for each thing that can go wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
from msgspec import UNSET, Struct
from twisted.logger import Logger

from voiced.api.messages import Faulty, Problem, Wrong
from voiced.errors import (
    BadWish,
    CallOver,
    CarrierError,
    ConfigError,
    KeyReused,
    Overloaded,
    Refused,
    StoreError,
    VoicedError,
)

CARRIERS = frozenset({400, 409, 429, 502, 503, 504})
"""The statuses that an error of the carrier's may have here; any other is 502."""
SOON = 10
"""Seconds until what is full or broken now may be asked again."""

log = Logger()


@attrs.frozen
class Answer:
    """A status, a message (None: no body) and headers besides those that every answer has."""

    status: int
    message: Struct | bytes | None
    headers: Mapping[str, str] = attrs.field(factory=dict)


class Declined(VoicedError):
    """The API itself says no, with this status; `path` names what is wrong, if anything can be named."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.headers = headers or {}
        super().__init__(message)


def no_such_call() -> Declined:
    """404: there is none, or it is not for this key to know."""
    return Declined(404, "there is no such call")


def problem(error: VoicedError, request_id: str = "") -> Answer:
    """The answer for this error. What it says of our machine stays in the log, with the request's id."""
    says = str(error)
    match error:
        case Declined():
            return Answer(error.status, Problem(error=says), error.headers)
        case BadWish():
            return Answer(400, Problem(error=says, path=error.path or UNSET))
        case KeyReused():
            return Answer(422, Problem(error=says, path="idempotency_key"))
        case Refused(retry_after=None):
            return Answer(403, Problem(error=says, rule=error.rule))
        case Refused():
            return Answer(429, Problem(error=says, rule=error.rule), _retry(error.retry_after or 0))
        case CarrierError():
            status = error.answer if error.answer in CARRIERS else 502
            return Answer(status, Problem(error=says, code=error.code), _retry(SOON) if status in (429, 503) else {})
        case CallOver():
            return Answer(409, Problem(error=says))
        case Overloaded():
            return Answer(503, Problem(error=says), _retry(SOON))
        case ConfigError():
            return Answer(422, faulty(error))
        case StoreError():
            log.error("request {id!r}: what is to be kept cannot be: {error}", id=request_id, error=says)
            return Answer(503, Problem(error="what has to be kept cannot be: try again later"), _retry(SOON))
    log.error("request {id!r}: {kind}: {error}", id=request_id, kind=type(error).__name__, error=says)
    return Answer(500, Problem(error=f"something went wrong on our side ({type(error).__name__})"))


def faulty(error: ConfigError) -> Faulty:
    """What is wrong with the settings and flows."""
    count = len(error.faults)
    says = f"{count} fault{'s' * (count > 1)} in the settings: nothing has changed; `voiced check` finds them, too"
    faults = [Wrong(fault.file, fault.line, fault.column, fault.message) for fault in error.faults]
    return Faulty(error=says, faults=faults)


def _retry(seconds: float) -> dict[str, str]:
    return {"Retry-After": str(max(1, math.ceil(seconds)))}

"""An account at the carrier: what it may do, and how the carrier reaches its owner's daemon."""

from __future__ import annotations

from random import Random
from typing import cast

from attrs import define, field, frozen
from twilio.request_validator import RequestValidator
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint

from voiced.simulator.number import Number


@frozen
class Notice:
    """An alert of the account's monitor that was not made by a call of this carrier."""

    code: int
    at: float
    """Seconds since the epoch."""
    resource_sid: str = ""
    """The call it is about, or another resource."""
    url: str = ""
    level: str = "error"
    text: str = ""


@define(eq=False)
class Account:
    """Whose calls these are. Anything under `public_url` is reached through `daemon`, whatever its host name says."""

    clock: IReactorTime
    daemon: IStreamClientEndpoint
    public_url: str
    sid: str
    auth_token: str = field(repr=False)
    random: Random
    numbers: dict[str, Number] = field(factory=dict)
    """Its own numbers."""
    verified: set[str] = field(factory=set)
    """Numbers of others that it has proved to be its owner's: caller IDs, and whom a trial account may call."""
    trial: bool = False
    """Whether it may call verified numbers only (21219)."""
    refused: dict[str, int] = field(factory=dict)
    """Numbers that it may not call, and the error code that says why: 21215, 21216 ..."""
    untexted: dict[str, int] = field(factory=dict)
    """Numbers that it may not text, and the error code that says why: 21408, 21610 ..."""
    status: str = "active"
    """Or `suspended`, `closed`."""
    notices: list[Notice] = field(factory=list)
    """What its monitor knows besides the alerts of its calls."""
    most_calls: int | None = None
    """How many calls it may have at once (10004)."""

    def signature(self, url: str, form: dict[str, str] | None = None) -> str:
        """X-Twilio-Signature for that URL and form, by Twilio's own library."""
        unframed, _, _ = url.partition("#")
        return cast(str, RequestValidator(self.auth_token).compute_signature(unframed, form or {}))

    def new_sid(self, prefix: str) -> str:
        return f"{prefix}{self.random.getrandbits(128):032x}"

    def owns(self, number: str) -> bool:
        """Whether that number may be shown as the caller's."""
        return number in self.numbers or number in self.verified

    def reaches(self, url: str) -> bool:
        """Whether that URL, http or WebSocket, leads to the daemon."""
        base = self.public_url.rstrip("/")
        if url.startswith("ws"):
            url = "http" + url[2:]
        return url.startswith(base) and url[len(base) : len(base) + 1] in ("", "/", "?", "#")

"""An account at the carrier, and how the carrier reaches its owner's daemon."""

from __future__ import annotations

from random import Random
from typing import cast

from attrs import define, field
from twilio.request_validator import RequestValidator
from twisted.internet.interfaces import IReactorTime, IStreamClientEndpoint


@define(eq=False)
class Account:
    """Whose calls these are. Anything under `public_url` is reached through `daemon`, whatever its host name says."""

    clock: IReactorTime
    daemon: IStreamClientEndpoint
    public_url: str
    sid: str
    auth_token: str = field(repr=False)
    random: Random

    def signature(self, url: str, form: dict[str, str] | None = None) -> str:
        """X-Twilio-Signature for that URL and form, by Twilio's own library."""
        unframed, _, _ = url.partition("#")
        return cast(str, RequestValidator(self.auth_token).compute_signature(unframed, form or {}))

    def new_sid(self, prefix: str) -> str:
        return f"{prefix}{self.random.getrandbits(128):032x}"

    def reaches(self, url: str) -> bool:
        """Whether that URL, http or WebSocket, leads to the daemon."""
        base = self.public_url.rstrip("/")
        if url.startswith("ws"):
            url = "http" + url[2:]
        return url.startswith(base) and url[len(base) : len(base) + 1] in ("", "/", "?", "#")

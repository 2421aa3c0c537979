"""A request as the site takes it: with a name of its own for the log, and with what its route found out about it."""

from __future__ import annotations

import secrets
from typing import Any

from voiced.net.bodylimit import LimitedRequest

ID_HEADER = b"X-Request-Id"


class SiteRequest(LimitedRequest):
    """A limited request with a `request_id` of ours, which its answer carries as X-Request-Id."""

    party: str | None = None
    """The name of the API key that asks, once a route knows it: such a request is logged for everybody."""
    received: float = 0.0
    """When all of it was there, on the site's clock."""

    def __init__(self, channel: Any, *queued: Any) -> None:
        super().__init__(channel, *queued)
        self.request_id = new_id()
        self.responseHeaders.setRawHeaders(ID_HEADER, [self.request_id.encode()])

    def requestReceived(self, *line: Any) -> None:
        """Named by twisted.web: all of the request has arrived."""
        self.received = self._site.reactor.seconds()
        super().requestReceived(*line)

    @property
    def _site(self) -> Any:
        channel: Any = self.channel
        return channel.site

    def _refuse(self, status: int) -> None:
        self._site.refused[str(status)] += 1
        super()._refuse(status)

    def _cut_off(self) -> None:
        self._site.refused["413"] += 1
        super()._cut_off()


def new_id() -> str:
    """A name for a request; never the client's own, which could be anything and anybody's."""
    return secrets.token_hex(8)

"""How a list is called: whom, by which flow, how fast; and the idempotency key of each of its calls. Pure."""

from __future__ import annotations

import hashlib
import json

import attrs

from voiced.cli.apiclient import Wanted
from voiced.cli.dialling.people import Row


@attrs.frozen
class Plan:
    """How a list is called."""

    name: str
    """The list's: with a row's cells and the number of the attempt it makes the idempotency key."""
    flow: str | None = None
    from_: str | None = None
    interval: float = 1.0
    """Seconds from one call to the next."""
    at_once: int = 10
    retries: int = 2
    """On busy and no answer."""
    retry_after: float = 900.0
    """Seconds."""

    def key(self, row: Row, attempt: int) -> str:
        """The idempotency key of a row's attempt: the same wherever the list is, and wherever in it the row is."""
        written = json.dumps([self.name, self.flow, row.cells, row.again, attempt])
        return "dial-" + hashlib.sha256(written.encode()).hexdigest()[:40]

    def wanted(self, row: Row, key: str) -> Wanted:
        """The call, as the daemon is asked for it."""
        return Wanted(
            number=row.number, flow=self.flow, variables=dict(row.variables), from_=self.from_, idempotency_key=key
        )

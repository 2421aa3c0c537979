"""Acme's web service, as far as the telephone asks it: one question, and JSON for an answer.

    -> GET /customers/%2B14155550100    authorization: Bearer …
    <- 200 {"name": "Ann", "parcel": "473124829", "state": "underway"}
    -> GET /parcels/473124829
    <- 200 {"state": "underway", "place": "Oakland"}
    <- 404: there is none

Who asks has a time limit of their own, and cancels what takes longer: there is no other limit here.
"""

from __future__ import annotations

from typing import TypeVar
from urllib.parse import quote, urlsplit

import msgspec
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from voiced.errors import VoicedError
from voiced.ivoiced import Tools
from voiced.net.exchange import Answer, read_answer
from voiced.net.trouble import NETWORK, sentence
from voiced.secret import Secret

MOST_BYTES = 16 * 1024
"""What is read of an answer: a right one has some hundred bytes."""

Shape = TypeVar("Shape", bound=msgspec.Struct)


class ServiceFailed(VoicedError):
    """Acme's service gave no answer that can be used; each plugin says so in the words of its own contract."""


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the service is, and the key that opens it: settings that the lookup and the tool share."""

    url: str
    key: Secret

    def __post_init__(self) -> None:
        if not self.url.startswith("https://"):
            raise ValueError("`url` must begin with https://, or the key could be read on the way")


class Service:
    """Asks over the connections that voiced keeps, so that most questions need no TLS handshake."""

    def __init__(self, account: Account, tools: Tools) -> None:
        self._account = account
        self._tools = tools
        self._host = urlsplit(account.url).hostname or ""

    async def ask(self, kind: str, name: str, shape: type[Shape]) -> Shape | None:
        """What the service knows of a `customers` or `parcels`, in that shape; None when there is none.

        Raises ServiceFailed; CancelledError passes through, and the connection is closed.
        """
        try:
            answer = await self._get(f"{self._account.url.rstrip('/')}/{kind}/{quote(name, safe='')}")
        except NETWORK as error:
            raise ServiceFailed(sentence(Failure(error), self._host)) from error
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise ServiceFailed(f"{self._host} answered {answer.status}{_HINTS.get(answer.status, '')}")
        try:
            return msgspec.json.decode(answer.body, type=shape)
        except msgspec.DecodeError as error:
            raise ServiceFailed(f"{self._host} answered what is not agreed: {error}") from error

    def _get(self, url: str) -> Deferred[Answer]:
        # The key is revealed here, on its way to the wire. Redirects are not followed: they would take it elsewhere.
        key = {"authorization": f"Bearer {self._account.key.reveal()}"}
        asked = self._tools.http.get(
            url, headers=key, unbuffered=True, allow_redirects=False, reactor=self._tools.reactor
        )
        return read_answer(asked, MOST_BYTES)


_HINTS = {401: ": check `key`", 403: ": check `key`", 429: ": it is asked too often"}

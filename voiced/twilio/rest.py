"""Twilio's REST API, as far as voiced needs it: twilio-python's asynchronous client, carried by treq."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectingCancelledError
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from voiced.errors import CarrierError
from voiced.ivoiced import ICarrier
from voiced.net.trouble import NETWORK, SEVERAL
from voiced.twilio.webhook import Account

TIMEOUT = 8.0
"""Seconds for one request; less than a call takes to part (life.PARTING_SECONDS), so that its record tells of it."""
OVER = {20404, 21220}
"""Error codes of a call that is over already, or unknown: what we wanted is so (lessons: 404 is success)."""

_ADVICE = {
    20003: "check account_sid and auth_token in voiced.yaml",
    20429: "too many requests at once; it is tried again later",
}


class TreqTransport(AsyncHttpClient):  # type: ignore[misc]
    """Carries twilio-python's requests over a treq client; `base_url` replaces https://api.twilio.com."""

    def __init__(self, http: Any, clock: IReactorTime, base_url: str | None) -> None:
        super().__init__(logging.getLogger(__name__), is_async=True, timeout=TIMEOUT)
        self._http = http
        self._clock = clock
        self._base_url = base_url and base_url.rstrip("/")

    async def request(
        self,
        method: str,
        uri: str,
        params: Mapping[str, object] | None = None,
        data: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - its signature
        allow_redirects: bool = False,
    ) -> Response:
        """Named and called by twilio-python (twilio.http.AsyncHttpClient)."""
        if self._base_url:
            uri = self._base_url + "/" + uri.split("/", 3)[3]
        limit = timeout or TIMEOUT
        response = await self._http.request(
            method,
            uri,
            params=params or None,
            headers=dict(headers or {}),
            auth=auth,
            data=None if data is None else list(_pairs(data)),
            allow_redirects=allow_redirects,
        ).addTimeout(limit, self._clock, _too_late)
        body = await response.content().addTimeout(limit, self._clock, _too_late)
        return Response(response.code, body.decode(errors="replace"), dict(response.headers.getAllRawHeaders()))


def _too_late(_: object, limit: float) -> NoReturn:
    # Whatever being cancelled made of it: an endpoint that was still connecting does not say CancelledError.
    raise defer.TimeoutError(f"no answer within {limit:g} s")


def _pairs(form: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """A form's fields; a list is a name repeated (StatusCallbackEvent)."""
    for name, value in form.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            yield name, str(one)


@implementer(ICarrier)
class TwilioCarrier:
    """ICarrier at Twilio: a client for each account."""

    def __init__(self, accounts: Iterable[Account], http: Any, clock: IReactorTime) -> None:
        self._clients = {account.name: _client(account, http, clock) for account in accounts}

    def complete(self, call_sid: str, account: str) -> Deferred[None]:
        """See ICarrier."""
        return Deferred.fromCoroutine(self._complete(call_sid, account))

    async def _complete(self, call_sid: str, account: str) -> None:
        doing = f"ending call {call_sid}"
        try:
            await self._clients[account].calls(call_sid).update_async(status="completed")
        except (TwilioRestException, TwilioServiceException) as error:
            if error.code not in OVER and error.status != 404:
                raise _explained(doing, error) from error
        except ConnectingCancelledError as error:
            raise CancelledError from error
        except NETWORK as error:
            if isinstance(error, SEVERAL) and any(reason.check(CancelledError) for reason in error.reasons):
                raise CancelledError from error  # how Twisted says that we cancelled it while it was on its way
            name = str(error) or type(error).__name__
            raise CarrierError(f"{doing}: Twilio's API cannot be reached ({name})") from error
        except ValueError as error:
            raise CarrierError(f"{doing}: the answer is not JSON, so not of Twilio's API: check base_url") from error


def _client(account: Account, http: Any, clock: IReactorTime) -> Client:
    transport = TreqTransport(http, clock, account.base_url)
    token = account.tokens[0].reveal() if account.tokens else "none: insecure"  # the API refuses it, in words
    return Client(account.sid, token, region=account.region, edge=account.edge, http_client=transport)


def _explained(doing: str, error: TwilioRestException | TwilioServiceException) -> CarrierError:
    """Twilio's refusal as a sentence for the operator."""
    code = 0 if error.code in (None, error.status) else error.code  # twilio-python puts the status for no code
    said = error.msg if isinstance(error, TwilioRestException) else error.detail or error.title
    message = f"{doing}: Twilio answered {error.status}, {said}"
    if code:
        message += ": " + _ADVICE.get(code, f"see https://www.twilio.com/docs/api/errors/{code}")
    return CarrierError(message, code=code, status=error.status)

"""Twilio's REST API, as far as voiced needs it: twilio-python's asynchronous client, carried by treq."""

from __future__ import annotations

import logging
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.error import TimeoutError as NotConnected
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from voiced.errors import CarrierError
from voiced.icarrier import CallOrder, CallState, ICarrier
from voiced.net.trouble import NETWORK, SEVERAL
from voiced.twilio import webhook
from voiced.twilio.refusals import meaning
from voiced.twilio.webhook import Account, Answers

TIMEOUT = 8.0
"""Seconds for one request; less than a call takes to part (life.PARTING_SECONDS), so that its record tells of it."""
OVER = {20404, 21220}
"""Error codes of a call that is over already, or unknown: what we wanted is so (lessons: 404 is success)."""
EVENTS = ("initiated", "ringing", "answered", "completed")
"""What Twilio shall tell us of a call that we place."""
AGAIN_AFTER = (0.5, 1.0, 2.0)
"""Seconds before each further try of a request that Twilio certainly did not do; half of each is chance."""
LIST_SIZE = 20
"""Calls that are looked at for one whose `create` got no answer."""
CLOCKS_DIFFER = 5.0
"""Seconds by which Twilio's clock, which counts whole ones, may be behind ours."""

T = TypeVar("T")

log = Logger()


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


def _too_late(result: object, limit: float) -> NoReturn:
    if isinstance(result, Failure) and result.check(ConnectingCancelledError):
        raise NotConnected(string=f"no connection within {limit:g} s")  # so the request was never sent
    # Whatever else being cancelled made of it.
    raise defer.TimeoutError(f"no answer within {limit:g} s")


def _pairs(form: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """A form's fields; a list is a name repeated (StatusCallbackEvent)."""
    for name, value in form.items():
        for one in value if isinstance(value, list | tuple) else (value,):
            yield name, str(one)


@implementer(ICarrier)
class TwilioCarrier:
    """ICarrier at Twilio: a client for each account. `public_url` is where Twilio asks about the calls we place."""

    def __init__(
        self,
        accounts: Iterable[Account],
        http: Any,
        clock: IReactorTime,
        public_url: str = "",
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._http = http
        self._clock = clock
        self._answers = Answers(public_url)
        self._chance = chance
        self.serve(accounts)

    def serve(self, accounts: Iterable[Account]) -> None:
        """These are the accounts from now on."""
        self._clients = {account.name: client_of(account, self._http, self._clock) for account in accounts}

    def create(self, order: CallOrder) -> Deferred[str]:
        """See ICarrier."""
        return Deferred.fromCoroutine(self._create(order))

    def send_text(self, account: str, to: str, from_: str, text: str) -> Deferred[str]:
        """See ICarrier."""
        return Deferred.fromCoroutine(self._send_text(account, to, from_, text))

    def complete(self, call_sid: str, account: str) -> Deferred[None]:
        """See ICarrier."""
        return Deferred.fromCoroutine(self._complete(call_sid, account))

    def fetch(self, call_sid: str, account: str) -> Deferred[CallState]:
        """See ICarrier."""
        return Deferred.fromCoroutine(self._fetch(call_sid, account))

    def find(self, order: CallOrder, since: float, until: float) -> Deferred[Sequence[str]]:
        """See ICarrier. Twilio's list is asked by who calls whom: a call that has not begun has no time to ask by."""
        return Deferred.fromCoroutine(self._find(order, since, until))

    async def _create(self, order: CallOrder) -> str:
        calls, parameters = self._clients[order.account].calls, self._parameters(order)
        call = await self._patiently("placing a call", lambda: calls.create_async(**parameters))
        return _check("placing a call", call)

    async def _send_text(self, account: str, to: str, from_: str, text: str) -> str:
        messages, doing = self._clients[account].messages, "sending a text"
        message = await self._patiently(doing, lambda: messages.create_async(to=to, from_=from_, body=text))
        return _check(doing, message, "text")

    async def _patiently(self, doing: str, request: Callable[[], Awaitable[T]]) -> T:
        """What Twilio answers, once it has not too many requests: what it certainly did not do is tried again."""
        tries = iter(AGAIN_AFTER)
        while True:
            try:
                return await asked(doing, request())
            except CarrierError as error:
                wait = next(tries, None)
                if wait is None or error.unsure or not (error.status == 429 or error.status == 0):
                    raise
                await deferLater(self._clock, wait * (0.5 + 0.5 * self._chance()))

    def _parameters(self, order: CallOrder) -> dict[str, Any]:
        def url(path: str) -> str:
            return self._answers.url(path, order.reference)

        parameters = {
            "to": order.to,
            "from_": order.from_,
            "url": url(webhook.OUTBOUND),
            "method": "POST",
            "fallback_url": url(webhook.FALLBACK),
            "fallback_method": "POST",
            "status_callback": url(webhook.STATUS),
            "status_callback_event": list(EVENTS),
            "status_callback_method": "POST",
            "timeout": order.timeout,
            "time_limit": order.seconds,
        }
        if order.detect:
            parameters["machine_detection"] = "Enable" if order.detect == "enable" else "DetectMessageEnd"
            parameters["async_amd"] = "true"
            parameters["async_amd_status_callback"] = url(webhook.ANSWERED_BY)
            parameters["async_amd_status_callback_method"] = "POST"
        return parameters

    async def _complete(self, call_sid: str, account: str) -> None:
        try:
            update = self._clients[account].calls(call_sid).update_async(status="completed")
            doing = f"ending call {call_sid}"
            _check(doing, await asked(doing, update, gone_is_fine=True))
        except CarrierError as error:
            if error.code not in OVER and error.status != 404:
                raise

    async def _fetch(self, call_sid: str, account: str) -> CallState:
        doing = f"looking at call {call_sid}"
        call = await self._patiently(doing, lambda: self._clients[account].calls(call_sid).fetch_async())
        _check(doing, call)
        return CallState(call_sid, webhook.ENDINGS.get(str(call.status)), str(call.status) == "in-progress")

    async def _find(self, order: CallOrder, since: float, until: float) -> Sequence[str]:
        listed = self._clients[order.account].calls
        calls = await self._patiently(
            "looking for a call", lambda: listed.list_async(to=order.to, from_=order.from_, limit=LIST_SIZE)
        )
        ours = [call for call in calls if str(call.direction).startswith("outbound-api") and call.date_created]
        ours.sort(key=lambda call: call.date_created, reverse=True)
        within = (since - CLOCKS_DIFFER, until + CLOCKS_DIFFER)
        return [
            _check("looking for a call", call)
            for call in ours
            if within[0] <= call.date_created.timestamp() <= within[1]
        ]


async def asked(doing: str, request: Awaitable[T], *, gone_is_fine: bool = False) -> T:
    """What Twilio answers to this request of twilio-python's. Raises CarrierError, CancelledError when cancelled."""
    try:
        return await request
    except (TwilioRestException, TwilioServiceException) as error:
        raise _explained(doing, error, gone_is_fine=gone_is_fine) from error
    except TwilioException as error:  # how twilio-python says that a list could not be read
        raise _unlisted(doing, error) from error
    except ConnectingCancelledError as error:
        raise CancelledError from error
    except NETWORK as error:
        if isinstance(error, SEVERAL) and any(reason.check(CancelledError) for reason in error.reasons):
            raise CancelledError from error  # how Twisted says that we cancelled it while it was on its way
        name = str(error) or type(error).__name__
        sent = not isinstance(error, ConnectError | DNSLookupError)
        message = f"{doing}: Twilio's API cannot be reached ({name}): is this machine's way out open, base_url right?"
        raise CarrierError(message, unsure=sent, answer=504 if sent else 502) from error
    except (ValueError, AttributeError, TypeError, KeyError) as error:  # what twilio-python makes of other shapes
        message = f"{doing}: the answer is not JSON of Twilio's API: check base_url"
        raise CarrierError(message, status=200, unsure=True) from error


def client_of(account: Account, http: Any, clock: IReactorTime) -> Client:
    """twilio-python's client for this account."""
    transport = TreqTransport(http, clock, account.base_url)
    token = account.tokens[0].reveal() if account.tokens else "none: insecure"  # the API refuses it, in words
    return Client(account.sid, token, region=account.region, edge=account.edge, http_client=transport)


def _check(doing: str, answer: Any, what: str = "call") -> str:
    """The SID of what should be a call, or a text. Raises CarrierError."""
    if not answer.sid:
        raise CarrierError(f"{doing}: the answer is no {what} of Twilio's: check base_url", status=200, unsure=True)
    return str(answer.sid)


def _unlisted(doing: str, error: TwilioException) -> CarrierError:
    """The same for a list, of whose answer twilio-python tells only the whole."""
    response = error.args[1] if len(error.args) > 1 else None
    status = getattr(response, "status_code", 0)
    means = meaning(0, status)
    return CarrierError(f"{doing}: {means.sentence}", status=status, unsure=status != 429, answer=means.answer)


def _explained(
    doing: str, error: TwilioRestException | TwilioServiceException, *, gone_is_fine: bool
) -> CarrierError:
    """Twilio's refusal as a sentence: for the operator, and for the API client who has asked.

    It is ours: Twilio's own words may hold the number that was called.
    """
    code = 0 if error.code in (None, error.status) else error.code  # twilio-python puts the status for no code
    means = meaning(code, error.status)
    if means.alarm and not (gone_is_fine and error.status == 404):
        log.critical(
            "{doing}: {sentence} (error {code})", doing=doing, sentence=means.sentence, code=code or error.status
        )
    message = f"{doing}: Twilio answered {error.status}: {means.sentence}"
    if code:
        message += f" (https://www.twilio.com/docs/api/errors/{code})"
    # A server that broke may have done it before; one that says it is too busy has not.
    unsure = error.status >= 500 and error.status != 503
    return CarrierError(message, code=code, status=error.status, unsure=unsure, answer=means.answer)

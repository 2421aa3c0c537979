"""The carrier's REST API, as much of it as voiced uses: update and fetch a call.

    POST /2010-04-01/Accounts/{AC}/Calls/{CA}.json   Status=completed|canceled, Url, Twiml
    GET  /2010-04-01/Accounts/{AC}/Calls/{CA}.json

Source: Twilio's OpenAPI description (twilio_api_v2010), and its error dictionary for the codes.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from hmac import compare_digest

from attrs import define, field, frozen
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from voiced.simulator import twiml
from voiced.simulator.account import Account
from voiced.simulator.call import Ended, SimulatedCall
from voiced.simulator.courier import rfc2822
from voiced.simulator.number import Start

UNSET = ["parent_call_sid", "phone_number_sid", "price", "answered_by", "forwarded_from", "group_sid"]
UNSET += ["caller_name", "trunk_sid"]
"""Properties of a Call that are null here."""

LONGEST_TWIML = 4000
"""Characters of `Twiml` (32018)."""


@frozen
class RestRequest:
    """What somebody asked for."""

    method: str
    path: str
    form: dict[str, str]


@define(eq=False)
class Ledger:
    """The calls of one account, and how its API behaves."""

    account: Account
    calls: dict[str, SimulatedCall] = field(factory=dict)
    requests: list[RestRequest] = field(factory=list)
    faults: deque[int | None] = field(factory=deque)
    """Statuses to answer instead, one a request; None: never answer."""


@frozen
class _Refusal(Exception):
    status: int
    code: int
    message: str


class Rest(Resource):
    """The root of api.twilio.com for these accounts."""

    isLeaf = True

    def __init__(self, ledgers: Sequence[Ledger]) -> None:
        super().__init__()
        self._ledgers = {ledger.account.sid: ledger for ledger in ledgers}

    def render(self, request: Request) -> bytes | int:
        form = {key.decode(): values[-1].decode() for key, values in (request.args or {}).items()}
        method, path = request.method.decode(), request.path.decode()
        try:
            ledger, rest = self._ledger(path)
            ledger.requests.append(RestRequest(method, path, form))
            if ledger.faults:
                fault = ledger.faults.popleft()
                if fault is None:
                    return NOT_DONE_YET
                raise _Refusal(
                    fault, 20429 if fault == 429 else 20500, "Too Many Requests" if fault == 429 else "Broken"
                )
            _authenticate(request, ledger.account)
            return _answer(request, 200, self._serve(ledger, method, rest, form))
        except _Refusal as refusal:
            return _answer(request, refusal.status, _complaint(refusal))

    def _ledger(self, path: str) -> tuple[Ledger, list[str]]:
        match path.strip("/").split("/"):
            case ["2010-04-01", "Accounts", sid, *rest] if sid in self._ledgers:
                return self._ledgers[sid], rest
        raise _Refusal(404, 20404, f"The requested resource {path} was not found")

    def _serve(self, ledger: Ledger, method: str, rest: list[str], form: dict[str, str]) -> dict[str, object]:
        match method, rest:
            case "GET", ["Calls", name]:
                return represent(self._call(ledger, name))
            case "POST", ["Calls", name]:
                call = self._call(ledger, name)
                change = _change(call, form)
                before = represent(call)
                ledger.account.clock.callLater(0, change)  # Twilio answers first, with the status of before
                return before
        raise _Refusal(404, 20404, f"The requested resource /{'/'.join(rest)} was not found")

    def _call(self, ledger: Ledger, name: str) -> SimulatedCall:
        call = ledger.calls.get(name.removesuffix(".json"))
        if call is None or not name.endswith(".json"):
            raise _Refusal(404, 20404, f"The requested resource /Calls/{name} was not found")
        return call


def _authenticate(request: Request, account: Account) -> None:
    given = request.getUser() + b":" + request.getPassword()
    if not compare_digest(given, f"{account.sid}:{account.auth_token}".encode()):
        raise _Refusal(401, 20003, "Authenticate")


def _change(call: SimulatedCall, form: dict[str, str]) -> Callable[[], None]:
    """What an update means; refused if the call is over, or beyond being cancelled."""
    if call.over:
        raise _Refusal(400, 21220, "Call is not in-progress. Cannot redirect.")
    status, start = form.get("Status"), _start(form)
    if start is not None:
        return lambda: None if call.over else call.begin(start)
    if status == "completed":
        return lambda: call.end(Ended.REST)
    if status == "canceled":
        if call.answered_at is not None:
            raise _Refusal(400, 21220, "Call is not queued or ringing. Cannot cancel.")
        return lambda: call.end(Ended.REST, "canceled")
    if status is not None:
        raise _Refusal(400, 21218, f"Invalid Status {status!r}")
    return lambda: None


def _start(form: dict[str, str]) -> Start | None:
    if "Url" in form:
        return Start(form["Url"], method=form.get("Method", "POST"))
    inline = form.get("Twiml")
    if inline is None:
        return None
    if len(inline) > LONGEST_TWIML:
        raise _Refusal(400, 32018, "Twiml size exceeded maximum allowed value")
    return Start("", twiml.read(inline.encode(), "text/xml"))


def represent(call: SimulatedCall) -> dict[str, object]:
    """Twilio's Call resource."""
    uri = f"/2010-04-01/Accounts/{call.account.sid}/Calls/{call.sid}"
    parts = ("notifications", "recordings", "payments", "events", "siprec", "streams", "transcriptions")
    return {
        "sid": call.sid,
        "account_sid": call.account.sid,
        "to": call.to,
        "to_formatted": call.to,
        "from": call.from_,
        "from_formatted": call.from_,
        "status": call.status,
        "direction": "inbound",
        "api_version": "2010-04-01",
        "date_created": _date(call.rang_at),
        "date_updated": _date(call.account.clock.seconds()),
        "start_time": _date(call.answered_at),
        "end_time": _date(call.ended_at),
        "duration": _duration(call),
        "price_unit": "USD",
        "queue_time": "0",
        "uri": f"{uri}.json",
        "subresource_uris": {part: f"{uri}/{part.capitalize()}.json" for part in parts},
        **dict.fromkeys(UNSET),
    }


def _duration(call: SimulatedCall) -> str | None:
    if call.ended_at is None:
        return None
    return str(int(call.ended_at - (call.ended_at if call.answered_at is None else call.answered_at)))


def _date(seconds: float | None) -> str | None:
    return None if seconds is None else rfc2822(seconds)


def _answer(request: Request, status: int, body: dict[str, object]) -> bytes:
    request.setResponseCode(status)
    request.setHeader("Content-Type", "application/json")
    written = json.dumps(body).encode()
    request.setHeader("Content-Length", str(len(written)))
    return written


def _complaint(refusal: _Refusal) -> dict[str, object]:
    return {
        "code": refusal.code,
        "message": refusal.message,
        "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
        "status": refusal.status,
    }

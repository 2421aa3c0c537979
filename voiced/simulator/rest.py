"""The carrier's REST API, as much of it as voiced uses: place, list, fetch and update calls, send texts.

    POST /2010-04-01/Accounts/{AC}/Calls.json        To, From, Url ...
    GET  /2010-04-01/Accounts/{AC}/Calls.json        To, From, Status, StartTime>, PageSize ...
    GET  /2010-04-01/Accounts/{AC}/Calls/{CA}.json
    POST /2010-04-01/Accounts/{AC}/Calls/{CA}.json   Status=completed|canceled, Url, Twiml, TimeLimit
    POST /2010-04-01/Accounts/{AC}/Messages.json     To, From, Body

What an operator looks at (the account, its numbers, alerts, what was asked about a call) is voiced.simulator.console.

Source: Twilio's OpenAPI description (twilio_api_v2010), and its error dictionary for the codes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from hmac import compare_digest
from math import inf
from typing import Any
from urllib.parse import parse_qsl

from attrs import evolve
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from voiced.simulator import console, orders, texts
from voiced.simulator.account import Account
from voiced.simulator.call import SimulatedCall
from voiced.simulator.child import ChildCall
from voiced.simulator.ending import Ended
from voiced.simulator.ledger import FINE, Ledger, RestRequest
from voiced.simulator.orders import Fields
from voiced.simulator.refusal import Refusal
from voiced.simulator.represent import page, represent

Body = dict[str, object]


class Rest(Resource):
    """The root of api.twilio.com for these accounts."""

    isLeaf = True

    def __init__(self, ledgers: Sequence[Ledger]) -> None:
        super().__init__()
        self._ledgers = {ledger.account.sid: ledger for ledger in ledgers}

    def render(self, request: Request) -> bytes | int:
        asked = _read(request)
        try:
            ledger, rest = self._ledger(request, asked.path)
        except Refusal as refusal:
            return _written(request, *refusal.answer())
        ledger.requests.append(asked)
        fault = ledger.faults.popleft() if ledger.faults else FINE
        if not fault.done and fault.status is None:
            return NOT_DONE_YET
        try:
            if fault.status is not None:
                raise Refusal.of(fault.status)
            _authenticate(request, ledger.account)
            status, body = _serve(ledger, asked, rest)
        except Refusal as refusal:
            status, body = refusal.answer()
        asked.status, asked.response = status, json.dumps(body).encode()
        if not fault.late:
            return _written(request, status, body)
        if fault.late < inf:
            _write_later(request, ledger.account, fault.late, _written(request, status, body))
        return NOT_DONE_YET

    def _ledger(self, request: Request, path: str) -> tuple[Ledger, list[str]]:
        match path.strip("/").split("/"):
            case ["v1", "Alerts"] if (sid := request.getUser().decode()) in self._ledgers:
                return self._ledgers[sid], ["Alerts"]  # monitor.twilio.com: whose they are, the credentials say
            case ["2010-04-01", "Accounts", sid] if sid.removesuffix(".json") in self._ledgers:
                return self._ledgers[sid.removesuffix(".json")], []
            case ["2010-04-01", "Accounts", sid, *rest] if sid in self._ledgers:
                return self._ledgers[sid], rest
        raise Refusal(20404, f"The requested resource {path} was not found")


def _read(request: Request) -> RestRequest:
    body: Any = request.content
    query = parse_qsl(request.uri.partition(b"?")[2].decode(), keep_blank_values=True)
    fields = parse_qsl(body.read().decode(), keep_blank_values=True)
    kind = request.getHeader("Content-Type") or ""
    scheme = (request.getHeader("Authorization") or "").partition(" ")[0]
    return RestRequest(request.method.decode(), request.path.decode(), query, fields, kind, scheme)


def _authenticate(request: Request, account: Account) -> None:
    given = request.getUser() + b":" + request.getPassword()
    if not compare_digest(given, f"{account.sid}:{account.auth_token}".encode()):
        raise Refusal(20003)


def _serve(ledger: Ledger, asked: RestRequest, rest: list[str]) -> tuple[int, Body]:
    match asked.method, rest:
        case "GET", ["Calls.json"]:
            return 200, page(asked.path, list(ledger.everything.values()), dict(asked.query))
        case "POST", ["Calls.json"]:
            return 201, represent(_place(ledger, asked))
        case "POST", ["Messages.json"]:
            text = texts.read(Fields(asked.fields), ledger.account)
            ledger.take(text)
            return 201, texts.represent(text, ledger.account)
        case "GET", ["Calls", name]:
            return 200, represent(_call(ledger, name))
        case "POST", ["Calls", name]:
            call = _call(ledger, name)
            change = _change(call, Fields(asked.fields))
            before = represent(call)
            ledger.account.clock.callLater(0, change)  # Twilio answers first, with the status of before
            return 200, before
    return 200, console.serve(ledger, asked, rest)


def _place(ledger: Ledger, asked: RestRequest) -> SimulatedCall:
    order = orders.read(asked.fields, ledger.account)
    most = ledger.account.most_calls
    if most is not None and ledger.live >= most:
        raise Refusal(10004)
    return ledger.place(order)


def _call(ledger: Ledger, name: str) -> SimulatedCall | ChildCall:
    call = ledger.everything.get(name.removesuffix(".json"))
    if call is None or not name.endswith(".json"):
        raise Refusal(20404, f"The requested resource /Calls/{name} was not found")
    return call


def _change(call: SimulatedCall | ChildCall, fields: Fields) -> Callable[[], None]:
    """What an update means; refused if the call is over, not yet there, or beyond being cancelled."""
    status, start = fields.get("Status"), orders.beginning(fields)
    limit = fields.seconds("TimeLimit", 0, 0, orders.LONGEST_CALL)
    fallback, watch = fields.start("Fallback"), orders.watch(fields)
    if call.ended_at is not None:
        raise Refusal(21220)
    if isinstance(call, ChildCall):
        raise Refusal(21220, "The legs of a <Dial> cannot be changed here: change their parent.")
    if start is None and status not in ("", "completed", "canceled"):
        raise Refusal(20422, f"Invalid Status {status!r}")
    if start is not None and call.status != "in-progress":
        raise Refusal(21220)
    if start is None and status == "canceled" and call.answered_at is not None:
        raise Refusal(21220, "Call is not queued or ringing. Cannot cancel.")

    def change() -> None:
        if call.over:
            return
        if limit:
            call.limit(limit)
        if start is not None:
            call.plan = evolve(call.plan, fallback=fallback or call.plan.fallback)
            if watch is not None:  # it changes together with the Url only
                call.watched_by(watch)
            call.begin(start)
        elif status:
            call.end(Ended.REST, "completed" if call.answered_at is not None else "canceled")

    return change


def _written(request: Request, status: int, body: Body) -> bytes:
    request.setResponseCode(status)
    request.setHeader("Content-Type", "application/json")
    written = json.dumps(body).encode()
    request.setHeader("Content-Length", str(len(written)))
    return written


def _write_later(request: Request, account: Account, seconds: float, written: bytes) -> None:
    """Answer after so many seconds, if there is still somebody who listens."""

    def write() -> None:
        request.write(written)
        request.finish()

    late = account.clock.callLater(seconds, write)
    request.notifyFinish().addErrback(lambda gone: late.cancel() if late.active() else None)

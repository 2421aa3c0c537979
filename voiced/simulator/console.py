"""What an operator looks at through the carrier's API: the account, its numbers, its alerts, what happened on a call.

    GET  /2010-04-01/Accounts/{AC}.json
    GET  /2010-04-01/Accounts/{AC}/IncomingPhoneNumbers.json        PhoneNumber
    POST /2010-04-01/Accounts/{AC}/IncomingPhoneNumbers/{PN}.json   VoiceUrl, VoiceMethod, StatusCallback ...
    GET  /2010-04-01/Accounts/{AC}/Calls/{CA}/Events.json           from 15 minutes after the call
    GET  /2010-04-01/Accounts/{AC}/Calls/{CA}/Notifications.json
    GET  /v1/Alerts                                                 StartDate, EndDate, LogLevel (monitor.twilio.com)

Source: Twilio's OpenAPI description (twilio_api_v2010); of the alerts, twilio-python's Monitor and its pages.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from attrs import evolve

from voiced.simulator.account import Account, Notice
from voiced.simulator.courier import rfc2822
from voiced.simulator.ledger import Ledger, RestRequest
from voiced.simulator.number import Number
from voiced.simulator.refusal import Refusal
from voiced.simulator.webhook import Exchanged

EVENTS_AFTER = 15 * 60.0
"""Seconds after a call at which its events can be asked for (twilio.com/docs/voice/api/call-event-resource)."""
FIELDS = {
    "VoiceUrl": "voice_url",
    "VoiceMethod": "voice_method",
    "VoiceFallbackUrl": "fallback_url",
    "VoiceFallbackMethod": "fallback_method",
    "StatusCallback": "status_url",
    "StatusCallbackMethod": "status_method",
    "VoiceApplicationSid": "application_sid",
    "TrunkSid": "trunk_sid",
    "VoiceReceiveMode": "receive_mode",
}
"""What may be changed of a number here."""
LOGS = {"error": "0", "warning": "1"}
"""How a notification writes its level."""

Body = dict[str, object]


def serve(ledger: Ledger, asked: RestRequest, rest: Sequence[str]) -> Body:
    """The answer to a request for one of these. Raises Refusal."""
    account = ledger.account
    match asked.method, list(rest):
        case "GET", []:
            return _account(account)
        case "GET", ["Alerts"]:
            return _alerts(ledger, dict(asked.query))
        case "GET", ["IncomingPhoneNumbers.json"]:
            wanted = dict(asked.query).get("PhoneNumber", "").strip("*")
            found = [each for each in account.numbers.values() if wanted in each.number]
            return _page(asked, "incoming_phone_numbers", [_number(account, each) for each in found])
        case "POST", ["IncomingPhoneNumbers", name]:
            return _number(account, _changed(account, name.removesuffix(".json"), asked.form))
        case "GET", ["Calls", sid, "Events.json"] if sid in ledger.everything:
            return _page(asked, "events", [_event(each) for each in _exchanged(ledger, sid)])
        case "GET", ["Calls", sid, "Notifications.json"] if sid in ledger.everything:
            return _page(asked, "notifications", [_notification(account, each) for each in _notices(ledger, sid)])
    raise Refusal(20404, f"The requested resource /{'/'.join(rest)} was not found")


def _account(account: Account) -> Body:
    return {
        "sid": account.sid,
        "friendly_name": "A pretend account",
        "status": account.status,
        "type": "Trial" if account.trial else "Full",
        "owner_account_sid": account.sid,
        "auth_token": account.auth_token,
        "date_created": rfc2822(0),
        "date_updated": rfc2822(0),
        "uri": f"/2010-04-01/Accounts/{account.sid}.json",
        "subresource_uris": {"calls": f"/2010-04-01/Accounts/{account.sid}/Calls.json"},
    }


def _number(account: Account, number: Number) -> Body:
    return {
        "sid": number.sid,
        "account_sid": account.sid,
        "phone_number": number.number,
        "friendly_name": number.number,
        "capabilities": {"voice": True, "sms": True, "mms": False, "fax": False},
        "voice_url": number.voice_url,
        "voice_method": number.voice_method,
        "voice_fallback_url": number.fallback_url or "",
        "voice_fallback_method": number.fallback_method,
        "status_callback": number.status_url or "",
        "status_callback_method": number.status_method,
        "voice_application_sid": number.application_sid or None,
        "trunk_sid": number.trunk_sid or None,
        "voice_receive_mode": number.receive_mode,
        "api_version": "2010-04-01",
        "date_created": rfc2822(0),
        "date_updated": rfc2822(0),
        "uri": f"/2010-04-01/Accounts/{account.sid}/IncomingPhoneNumbers/{number.sid}.json",
    }


def _changed(account: Account, sid: str, form: Mapping[str, str]) -> Number:
    """The number of that SID, changed as the form says: from now on calls go there."""
    number = next((each for each in account.numbers.values() if each.sid == sid), None)
    if number is None:
        raise Refusal(20404, f"The requested resource /IncomingPhoneNumbers/{sid}.json was not found")
    for name in form:
        if name.endswith("Url") and form[name] and not form[name].startswith(("http://", "https://")):
            raise Refusal(20422, f"{name} is not a valid URL")
        if name.endswith("Method") and form[name] not in ("GET", "POST"):
            raise Refusal(20422, f"{name} is not a valid method")
    changes: dict[str, Any] = {FIELDS[name]: value for name, value in form.items() if name in FIELDS}
    for name in ("fallback_url", "status_url"):
        if name in changes:
            changes[name] = changes[name] or None
    account.numbers[number.number] = changed = evolve(number, **changes)
    return changed


def _notices(ledger: Ledger, sid: str = "") -> Iterator[Notice]:
    """The alerts of every call, or of this one, and whatever else the monitor knows."""
    for call in ledger.calls.values():
        for alert in call.warnings if sid in ("", call.sid) else ():
            yield Notice(alert.code, call.rang_at, call.sid, call.plan.start.url, alert.level, alert.text)
    yield from (notice for notice in ledger.account.notices if sid in ("", notice.resource_sid))


def _alerts(ledger: Ledger, query: Mapping[str, str]) -> Body:
    since, until = (_moment(query.get(name)) for name in ("StartDate", "EndDate"))
    found = [
        notice
        for notice in _notices(ledger)
        if (since is None or notice.at >= since)
        and (until is None or notice.at <= until)
        and query.get("LogLevel", notice.level) == notice.level
    ]
    found.sort(key=lambda notice: notice.at, reverse=True)
    url = "https://monitor.twilio.com/v1/Alerts"
    size = int(query.get("PageSize", "50"))
    meta = {"key": "alerts", "page": 0, "page_size": size, "url": url, "first_page_url": url}
    return {
        "meta": {**meta, "previous_page_url": None, "next_page_url": None},
        "alerts": [_alert(ledger.account, number, notice) for number, notice in enumerate(found[:size])],
    }


def _alert(account: Account, number: int, notice: Notice) -> Body:
    when = datetime.fromtimestamp(notice.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    sid = f"NO{number:032x}"
    return {
        "sid": sid,
        "account_sid": account.sid,
        "alert_text": notice.text,
        "api_version": "2010-04-01",
        "date_created": when,
        "date_generated": when,
        "date_updated": when,
        "error_code": str(notice.code),
        "log_level": notice.level,
        "more_info": f"https://www.twilio.com/docs/errors/{notice.code}",
        "request_method": "POST",
        "request_url": notice.url,
        "resource_sid": notice.resource_sid,
        "service_sid": None,
        "url": f"https://monitor.twilio.com/v1/Alerts/{sid}",
    }


def _notification(account: Account, notice: Notice) -> Body:
    sid = f"NO{notice.code:032x}"
    return {
        "sid": sid,
        "account_sid": account.sid,
        "call_sid": notice.resource_sid,
        "api_version": "2010-04-01",
        "log": LOGS.get(notice.level, "1"),
        "error_code": str(notice.code),
        "more_info": f"https://www.twilio.com/docs/errors/{notice.code}",
        "message_text": notice.text,
        "message_date": rfc2822(notice.at),
        "date_created": rfc2822(notice.at),
        "date_updated": rfc2822(notice.at),
        "request_method": "POST",
        "request_url": notice.url or "https://voiced.invalid/",
        "uri": f"/2010-04-01/Accounts/{account.sid}/Calls/{notice.resource_sid}/Notifications/{sid}.json",
    }


def _exchanged(ledger: Ledger, sid: str) -> list[Exchanged]:
    """What was asked about this call, once Twilio tells."""
    call, now = ledger.everything[sid], ledger.account.clock.seconds()
    if call.ended_at is None or now < call.ended_at + EVENTS_AFTER:
        return []
    return [each for each in ledger.exchanged if each.form.get("CallSid") == sid]


def _event(exchanged: Exchanged) -> Body:
    answer = exchanged.answer
    return {
        "request": {
            "method": exchanged.method,
            "url": exchanged.url,
            "parameters": {_snake(name): value for name, value in exchanged.form.items()},
        },
        "response": {
            "response_code": answer.status,
            "request_duration": round(exchanged.seconds * 1000),
            "content_type": answer.content_type,
            "response_body": answer.text,
            "date_created": rfc2822(exchanged.at),
        },
    }


def _page(asked: RestRequest, name: str, items: Sequence[Body]) -> Body:
    """All of them, as one page."""
    return {
        name: list(items),
        "start": 0,
        "end": max(len(items) - 1, 0),
        "page": 0,
        "page_size": int(dict(asked.query).get("PageSize", "50")),
        "uri": asked.path,
        "first_page_uri": asked.path,
        "next_page_uri": None,
        "previous_page_uri": None,
    }


def _moment(written: str | None) -> float | None:
    return None if written is None else datetime.fromisoformat(written).timestamp()


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")

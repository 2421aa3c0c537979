"""Twilio's Call resource, and a page of them: what its API answers about calls. Pure.

Source: Twilio's OpenAPI description (api.v2010.account.call, ListCallResponse).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from voiced.simulator.call import SimulatedCall
from voiced.simulator.child import ChildCall
from voiced.simulator.courier import rfc2822
from voiced.simulator.refusal import Refusal

UNSET = ["phone_number_sid", "price", "forwarded_from", "group_sid", "caller_name", "trunk_sid"]
"""Properties of a Call that are null here."""
PARTS = ["notifications", "recordings", "payments", "events", "siprec", "streams", "transcriptions"]
PARTS += ["user_defined_message_subscriptions", "user_defined_messages"]

AnyCall = SimulatedCall | ChildCall


def represent(call: AnyCall) -> dict[str, object]:
    """Twilio's Call resource."""
    uri = f"/2010-04-01/Accounts/{call.account.sid}/Calls/{call.sid}"
    queued = (call.account.clock.seconds() if call.attempted_at is None else call.attempted_at) - call.rang_at
    return {
        "sid": call.sid,
        "account_sid": call.account.sid,
        "parent_call_sid": call.parent_sid if isinstance(call, ChildCall) else None,
        "to": call.to,
        "to_formatted": call.to,
        "from": call.from_,
        "from_formatted": call.from_,
        "status": _status(call),
        "direction": call.direction,
        "answered_by": call.answered_by,
        "api_version": "2010-04-01",
        "date_created": _date(call.rang_at),
        "date_updated": _date(call.account.clock.seconds()),
        "start_time": _date(call.attempted_at),
        "end_time": _date(call.ended_at),
        "duration": _duration(call),
        "price_unit": "USD",
        "queue_time": str(round(queued * 1000)),
        "uri": f"{uri}.json",
        "subresource_uris": {
            part: f"{uri}/{''.join(word.capitalize() for word in part.split('_'))}.json" for part in PARTS
        },
        **dict.fromkeys(UNSET),
    }


def page(uri: str, calls: Sequence[AnyCall], query: Mapping[str, str]) -> dict[str, object]:
    """A page of those calls (oldest first) that the query is about, newest first. Raises Refusal."""
    given, turned_to = query.get("PageSize", "50"), query.get("Page", "0")
    if not given.isdecimal() or not 1 <= int(given) <= 1000 or not turned_to.isdecimal():
        raise Refusal(20422, f"Invalid PageSize {given!r} or Page {turned_to!r}")
    size, number = int(given), int(turned_to)
    found = [call for call in reversed(calls) if _wanted(call, query)]
    sids = [call.sid for call in found]
    token = query.get("PageToken", "").removeprefix("PA")
    begin = sids.index(token) + 1 if token in sids else 0
    shown, start = found[begin : begin + size], number * size

    def uri_of(page: int, after: str | None = None) -> str:
        kept = {key: value for key, value in query.items() if key not in ("Page", "PageSize", "PageToken")}
        turned = {"PageToken": f"PA{after}"} if after else {}
        return f"{uri}?{urlencode({**kept, 'PageSize': given, 'Page': str(page), **turned})}"

    return {
        "calls": [represent(call) for call in shown],
        "start": start,
        "end": start + len(shown) - 1 if shown else start,
        "page": number,
        "page_size": size,
        "uri": uri_of(number, token),
        "first_page_uri": uri_of(0),
        "next_page_uri": uri_of(number + 1, shown[-1].sid) if begin + size < len(found) else None,
        "previous_page_uri": uri_of(number - 1) if number > 0 else None,
    }


def _wanted(call: AnyCall, query: Mapping[str, str]) -> bool:
    parent = call.parent_sid if isinstance(call, ChildCall) else ""
    exact = {"To": call.to, "From": call.from_, "Status": _status(call), "ParentCallSid": parent}
    # Nothing says whether a call that waits in the queue, and has no start yet, is among those that began since then.
    began = call.rang_at if call.attempted_at is None else call.attempted_at
    return (
        all(query[name] == value for name, value in exact.items() if query.get(name))
        and _within(began, "StartTime", query)
        and _within(call.ended_at, "EndTime", query)
    )


def _within(moment: float | None, name: str, query: Mapping[str, str]) -> bool:
    """Whether that moment is as `StartTime`, `StartTime>` (on or after) and `StartTime<` (before) want it."""
    on, since, before = (_span(query, name + sign) for sign in ("", ">", "<"))
    if moment is None:
        return not (on or since or before)
    if on and not on[0] <= moment < on[1]:
        return False
    return not (since and moment < since[0]) and not (before and moment >= before[0])


def _span(query: Mapping[str, str], name: str) -> tuple[float, float] | None:
    """The day, or the second, of that name: its beginning and its end. Raises Refusal."""
    if not query.get(name):
        return None
    try:
        moment = datetime.fromisoformat(query[name])
    except ValueError as error:
        raise Refusal(20422, f"Invalid {name} {query[name]!r}") from error
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    length = timedelta(days=1) if len(query[name]) == len("2009-07-06") else timedelta(seconds=1)
    return moment.timestamp(), (moment + length).timestamp()


def _status(call: AnyCall) -> str:
    """What the API says; it has no word for `initiated`."""
    return "queued" if call.status == "initiated" else call.status


def _duration(call: AnyCall) -> str | None:
    """Seconds, once a call that was answered is over."""
    if call.ended_at is None or call.answered_at is None:
        return None
    return str(int(call.ended_at - call.answered_at))


def _date(seconds: float | None) -> str | None:
    return None if seconds is None else rfc2822(seconds)

"""The list of calls, page by page: live ones first and then those that are over, each newest first.

A cursor says where a page has ended: `live.<began>.<sid>` (microseconds since the epoch), or `kept.` and the store's
own. A call that ends between two pages may be in both, and is never left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from twisted.logger import Logger

from voiced.api.messages import Calls, CallsQuery, Summary
from voiced.api.showing import LiveCall, LiveCalls, kept_summary, live_summary, may_see
from voiced.errors import BadWish, StoreError
from voiced.iguard import Party
from voiced.ikept import IKeptCalls

_LIVE = re.compile(r"live\.(?P<began>[0-9]{1,18})\.(?P<sid>[A-Za-z0-9]{1,64})")
_KEPT = re.compile(r"kept\.(?P<before>.+)")

log = Logger()


async def page(query: CallsQuery, party: Party, live: LiveCalls, kept: IKeptCalls, now: float) -> Calls:
    """A page of the calls that this party may see. Raises BadWish for a cursor that is none here, and StoreError."""
    shown: list[Summary] = []
    begins = _KEPT.fullmatch(query.before or "")
    if query.state != "ended" and begins is None:
        calls = _live(live, party, query.before)
        shown = [live_summary(call, now) for call in calls[: query.limit]]
        more = len(calls) > query.limit or (len(calls) == query.limit and query.state is None)
        if more or query.state == "live":
            return Calls(shown, _cursor(calls[query.limit - 1]) if more else None)
    elif query.state == "live" or (query.before and begins is None):
        raise BadWish("before", "this is no cursor of this list")
    try:
        asked = kept.page(query.limit - len(shown), begins and begins["before"], party.flows)
    except ValueError:
        raise BadWish("before", "this is no cursor of this list") from None
    past = await asked
    shown += filter(None, map(_readable, past.lines))
    return Calls(shown, None if past.before is None else f"kept.{past.before}")


def _live(live: LiveCalls, party: Party, before: str | None) -> list[LiveCall]:
    """The live calls that this party may see, newest first, after this cursor. One without a SID is not there yet."""
    seen = [call for call in live if call.info.sid and may_see(party, call.flow.name)]
    seen.sort(key=_place, reverse=True)
    if before is None:
        return seen
    at = _LIVE.fullmatch(before)
    if at is None:
        raise BadWish("before", "this is no cursor of this list")
    return [call for call in seen if _place(call) < (int(at["began"]), at["sid"])]


def _place(call: LiveCall) -> tuple[int, str]:
    return round(call.record.began * 1e6), call.info.sid


def _cursor(call: LiveCall) -> str:
    began, sid = _place(call)
    return f"live.{began}.{sid}"


def _readable(line: Mapping[str, Any]) -> Summary | None:
    """One line that cannot be read does not hide the others."""
    try:
        return kept_summary(line)
    except StoreError as error:
        log.warn("left out of a list: {error}", error=str(error))
        return None

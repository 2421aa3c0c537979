"""What an operator would look up in Twilio's console, by its API: the account, its numbers, its alerts, one call.

    GET  Accounts/{AC}.json                       type (Full or Trial), status
    GET  Accounts/{AC}/IncomingPhoneNumbers.json  voice, fallback and status URL of each number; POST sets them
    GET  Accounts/{AC}/Calls/{CA}.json            and Events.json (15 minutes after it), Notifications.json
    GET  monitor.twilio.com/v1/Alerts             what the debugger shows

Everything fails with CarrierError only (CancelledError when cancelled).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import attrs
from twisted.internet.interfaces import IReactorTime

from voiced.errors import CarrierError
from voiced.twilio import loose
from voiced.twilio.rest import asked, client_of
from voiced.twilio.webhook import Account

MOST_NUMBERS = 1000
MOST_ALERTS = 200
MOST_EVENTS = 200
"""What is read of a list at most."""


@attrs.frozen
class AccountState:
    """An account as Twilio has it."""

    trial: bool
    status: str
    """active, suspended or closed."""


@attrs.frozen
class NumberState:
    """Where Twilio sends the calls of a number. Empty texts: nowhere."""

    sid: str
    number: str
    """E.164."""
    voice_url: str = ""
    voice_method: str = "POST"
    fallback_url: str = ""
    fallback_method: str = "POST"
    status_url: str = ""
    status_method: str = "POST"
    application_sid: str = ""
    """A TwiML application: where there is one, the number's own URLs are not asked."""
    trunk_sid: str = ""
    """A SIP trunk: likewise."""
    receive_mode: str = "voice"
    """voice or fax."""
    voice: bool = True
    """Whether the number can be called at all."""


@attrs.frozen
class Notice:
    """An alert of the debugger, or a notification of a call."""

    code: int
    at: float
    """Seconds since the epoch; 0: not said."""
    level: str = "error"
    call: str = ""
    """The SID of the call it is about, "" for none."""
    url: str = ""
    """What was asked for, without its query."""


@attrs.frozen
class CallSeen:
    """A call as Twilio has it. Times in seconds since the epoch."""

    status: str
    direction: str
    began: float | None
    ended: float | None
    seconds: int | None
    """From the answer to the end."""
    answered_by: str = ""
    queue_ms: int = 0
    """How long it waited before it was placed."""


@attrs.frozen
class Event:
    """A request of Twilio's about a call, and what it was answered."""

    url: str
    """Without its query."""
    status: int
    """HTTP status; 0: none."""
    milliseconds: int
    at: float | None


class TwilioConsole:
    """The console of one account."""

    def __init__(self, account: Account, http: Any, clock: IReactorTime) -> None:
        self.account = account
        self._client = client_of(account, http, clock)

    async def state(self) -> AccountState:
        """What kind of account it is."""
        doing = f"looking at the account {self.account.name}"
        found = await asked(doing, self._client.api.v2010.accounts(self.account.sid).fetch_async())
        if str(found.sid) != self.account.sid:
            raise CarrierError(f"{doing}: the answer is no account of Twilio's: check base_url", status=200)
        return AccountState(str(found.type) == "Trial", str(found.status))

    async def numbers(self, number: str | None = None) -> list[NumberState]:
        """The account's numbers, or this one only."""
        wanted = {} if number is None else {"phone_number": number}
        numbers = self._client.incoming_phone_numbers
        found = await asked("listing the account's numbers", numbers.list_async(limit=MOST_NUMBERS, **wanted))
        return [state for each in found if (state := _number(each)).number == (number or state.number)]

    async def point(self, number: NumberState, to: NumberState) -> NumberState:
        """Have the number's calls go to where `to` says; gives what Twilio says of it afterwards."""
        changes: dict[str, Any] = {
            "voice_url": to.voice_url,
            "voice_method": to.voice_method,
            "voice_fallback_url": to.fallback_url,
            "voice_fallback_method": to.fallback_method,
            "status_callback": to.status_url,
            "status_callback_method": to.status_method,
        }
        if number.receive_mode != to.receive_mode:
            changes["voice_receive_mode"] = to.receive_mode
        update = self._client.incoming_phone_numbers(number.sid).update_async(**changes)
        return _number(await asked(f"setting the URLs of {number.number}", update))

    async def alerts(self, since: float, until: float) -> list[Notice]:
        """What the debugger shows of that time (seconds since the epoch), newest first."""
        span = {"start_date": _date(since), "end_date": _date(until)}
        found = self._client.monitor.v1.alerts.list_async(limit=MOST_ALERTS, **span)
        return [
            Notice(loose.number(each.error_code), _seconds(each.date_generated) or 0.0,
                   str(each.log_level or "error"), _call(each.resource_sid), loose.address(each.request_url))
            for each in await asked("listing the account's alerts", found)
        ]  # fmt: skip

    async def call(self, sid: str) -> CallSeen:
        """One call."""
        found = await asked(f"looking at call {sid}", self._client.calls(sid).fetch_async())
        if not found.sid:
            raise CarrierError(
                f"looking at call {sid}: the answer is no call of Twilio's: check base_url", status=200
            )
        return CallSeen(
            str(found.status),
            str(found.direction),
            _seconds(found.start_time),
            _seconds(found.end_time),
            loose.number(found.duration) if found.duration else None,
            str(found.answered_by or ""),
            loose.number(found.queue_time),
        )

    async def events(self, sid: str) -> list[Event]:
        """What was asked about the call; nothing until 15 minutes after its end."""
        listed = self._client.calls(sid).events.list_async(limit=MOST_EVENTS)
        return [_event(each.request, each.response) for each in await asked(f"listing the events of {sid}", listed)]

    async def notifications(self, sid: str) -> list[Notice]:
        """What Twilio complains of about the call."""
        listed = self._client.calls(sid).notifications.list_async(limit=MOST_ALERTS)
        return [
            Notice(loose.number(each.error_code), _seconds(each.message_date) or 0.0,
                   "error" if str(each.log) == "0" else "warning", sid, loose.address(each.request_url))
            for each in await asked(f"listing the notifications of {sid}", listed)
        ]  # fmt: skip


def _number(found: Any) -> NumberState:
    capable: Mapping[str, Any] = found.capabilities if isinstance(found.capabilities, Mapping) else {}
    return NumberState(
        str(found.sid),
        str(found.phone_number),
        found.voice_url or "",
        found.voice_method or "POST",
        found.voice_fallback_url or "",
        found.voice_fallback_method or "POST",
        found.status_callback or "",
        found.status_callback_method or "POST",
        found.voice_application_sid or "",
        found.trunk_sid or "",
        str(found.voice_receive_mode or "voice"),
        bool(capable.get("voice", True)),
    )


def _event(request: Any, response: Any) -> Event:
    """Both are JSON objects, as the call's events have them; what is missing is not known."""
    asking: Mapping[str, Any] = request if isinstance(request, Mapping) else {}
    answer: Mapping[str, Any] = response if isinstance(response, Mapping) else {}
    return Event(
        loose.address(asking.get("url")),
        loose.number(answer.get("response_code")),
        loose.number(answer.get("request_duration")),
        _rfc2822(answer.get("date_created")),
    )


def _rfc2822(written: Any) -> float | None:
    try:
        return parsedate_to_datetime(written).timestamp()
    except (TypeError, ValueError):
        return None


def _call(sid: str | None) -> str:
    return sid if sid and sid.startswith("CA") else ""


def _seconds(moment: Any) -> float | None:
    if not isinstance(moment, datetime):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _date(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def known(numbers: Sequence[NumberState]) -> str:
    """The numbers of an account, for people."""
    return ", ".join(each.number for each in numbers) or "none"

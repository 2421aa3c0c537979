"""A call that is asked for: the form of `POST …/Calls.json`, read as strictly as Twilio does. Pure.

    To, From, Url or Twiml (and the others, see the API's description)  ->  an Order, or a Refusal with Twilio's code

Source: Twilio's OpenAPI description (CreateCall), twilio.com/docs/voice/api/call-resource, and its error dictionary.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from attrs import frozen

from voiced.simulator import twiml
from voiced.simulator.account import Account
from voiced.simulator.detection import Detection
from voiced.simulator.number import Plan, Start, Watch
from voiced.simulator.refusal import Refusal

E164 = re.compile(r"\+[1-9]\d{6,14}")
ELSEWHERE = re.compile(r"(sips?:[^@\s]+@[^\s]+|client:\S+)")
DIGITS = re.compile(r"[0-9A-D#*wW]{0,32}")
EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
LONGEST_TWIML = 4000
"""Characters of `Twiml` (32018)."""
LONGEST_RING = 600
LONGEST_CALL = 86400
"""Seconds of `Timeout` and of `TimeLimit`, at most."""


@frozen
class Order:
    """A call to be placed."""

    plan: Plan
    timeout: float
    """Seconds that it may ring, before what Twilio adds."""
    send_digits: str = ""
    detection: Detection | None = None


@frozen
class Fields:
    """The fields of a form."""

    _pairs: Sequence[tuple[str, str]]

    def get(self, name: str) -> str:
        """The last one of that name, or nothing."""
        return dict(self._pairs).get(name, "")

    def all(self, name: str) -> list[str]:
        """Every one of that name."""
        return [value for key, value in self._pairs if key == name]

    def seconds(self, name: str, default: int, lowest: int, highest: int, code: int = 20422) -> int:
        """A whole number. Raises Refusal with that code."""
        given = self.get(name) or str(default)
        if not re.fullmatch(r"\d{1,6}", given) or not lowest <= int(given) <= highest:
            raise Refusal(code, f"Invalid {name} {given!r}: not a whole number from {lowest} to {highest}")
        return int(given)

    def method(self, name: str) -> str:
        """GET or POST, which is the default. Raises Refusal."""
        method = self.get(name) or "POST"
        if method not in ("GET", "POST"):
            raise Refusal(21209, f"Invalid {name} {method!r}")
        return method

    def start(self, name: str) -> Start | None:
        """The URL of that name and how to ask it, or None. Raises Refusal."""
        url = self.get(f"{name}Url")
        if not url:
            return None
        _check(url, f"{name}Url")
        return Start(url, method=self.method(f"{name}Method"))

    def watch(self, name: str, events: frozenset[str] = frozenset()) -> Watch | None:
        """Where a callback goes, or None. Raises Refusal."""
        url = self.get(name)
        if not url:
            return None
        _check(url, name)
        return Watch(url, events, self.method(f"{name}Method"))


def read(pairs: Sequence[tuple[str, str]], account: Account) -> Order:
    """The order in that form. Raises Refusal."""
    fields = Fields(pairs)
    to, from_ = _parties(fields, account)
    start = beginning(fields)
    if start is None:
        raise Refusal(21218) if fields.get("ApplicationSid") else Refusal(21205, "Url parameter is required.")
    limit = fields.seconds("TimeLimit", 0, 0, LONGEST_CALL)
    plan = Plan(to, from_, "outbound-api", start, fields.start("Fallback"), watch(fields), float(limit) or None)
    digits = fields.get("SendDigits")
    if not DIGITS.fullmatch(digits):
        raise Refusal(21206)
    timeout = fields.seconds("Timeout", 60, 1, LONGEST_RING, 21208)
    detection = _detection(fields)
    return Order(plan, timeout, digits, None if digits else detection)  # SendDigits disables it


def beginning(fields: Fields) -> Start | None:
    """Where a call goes, if it is said: `Url`, which wins, or `Twiml`. Raises Refusal."""
    start, inline = fields.start(""), fields.get("Twiml")
    if start is not None or not inline:
        return start
    if len(inline) > LONGEST_TWIML:
        raise Refusal(32018)
    return Start("", twiml.read(inline.encode(), "text/xml"))


def watch(fields: Fields) -> Watch | None:
    """Who wants to know how the call goes on: of its end at least. Raises Refusal."""
    events = frozenset(fields.all("StatusCallbackEvent"))
    if events - EVENTS:
        raise Refusal(20422, f"Invalid StatusCallbackEvent {sorted(events - EVENTS)}")
    return fields.watch("StatusCallback", events or frozenset({"completed"}))


def _parties(fields: Fields, account: Account) -> tuple[str, str]:
    to, from_ = fields.get("To"), fields.get("From")
    if not to or not from_:
        raise Refusal(21213 if to else 21201)
    # A call to the very number that it comes from is 21211 as well.
    if to == from_ or not (E164.fullmatch(to) or ELSEWHERE.fullmatch(to)):
        raise Refusal(21211, f"The phone number you are attempting to call, {to}, is not valid.")
    if not E164.fullmatch(from_):
        raise Refusal(21212, f"The 'From' number {from_} is not a valid phone number.")
    if not account.owns(from_):
        raise Refusal(21210)
    if to in account.refused:
        raise Refusal(account.refused[to])
    if account.trial and to not in account.verified:
        raise Refusal(21219)
    return to, from_


def _detection(fields: Fields) -> Detection | None:
    mode, async_amd = fields.get("MachineDetection"), fields.get("AsyncAmd") or "false"
    if mode not in ("", "Enable", "DetectMessageEnd") or async_amd not in ("true", "false"):
        raise Refusal(21263)
    timeout = fields.seconds("MachineDetectionTimeout", 30, 3, 59, 21263)
    fields.seconds("MachineDetectionSpeechThreshold", 2400, 1000, 6000, 21263)
    fields.seconds("MachineDetectionSpeechEndThreshold", 1200, 500, 5000, 21263)
    fields.seconds("MachineDetectionSilenceTimeout", 5000, 2000, 10000, 21263)
    told = fields.watch("AsyncAmdStatusCallback")
    if not mode:
        return None
    return Detection(mode, timeout, async_amd == "true", told if async_amd == "true" else None)


def _check(url: str, name: str) -> None:
    """Whether it is a URL that Twilio asks. Raises Refusal."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and "_" not in parts.hostname
    except ValueError:
        good = False
    if not good or re.search(r"[\s<>\"\x00-\x1f]", url):
        raise Refusal(21205, f"{name} is not a valid URL: {url!r}")

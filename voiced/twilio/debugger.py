"""Twilio's debugger, as it tells us of its alerts by itself: a form in, an alert out. Pure.

    POST /twilio/debugger   Sid=NO…  AccountSid  Timestamp  Level=ERROR|WARNING  PayloadType=application/json
                            Payload={"resource_sid": "CA…", "service_sid", "error_code": "11200", "more_info",
                                     "webhook": {"request": {"url", …}, "response": {"status_code", …}}}

Signed as every webhook (twilio.com/docs/usage/troubleshooting/debugging-event-webhooks). The payload repeats what was
asked and answered, numbers of people among it: of that only the path and the status are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from voiced.twilio import loose
from voiced.twilio.refusals import Meaning
from voiced.twilio.remedies import alert_meaning, fix
from voiced.twilio.webhook import Form

LONGEST = 300
"""Characters of a URL that are kept."""


@attrs.frozen
class Alert:
    """Something that Twilio complains of."""

    sid: str
    """NO…; the same when Twilio repeats itself."""
    account: str
    code: int
    level: str = "error"
    """error or warning."""
    call: str = ""
    """The call it is about; "": none."""
    url: str = ""
    """What was asked for, without its query."""
    status: int = 0
    """The HTTP status of the answer; 0: not said."""

    @property
    def meaning(self) -> Meaning:
        """What it says."""
        return alert_meaning(self.code)

    @property
    def fix(self) -> str:
        """What to do about it."""
        return fix(self.code)


def read(form: Form) -> Alert:
    """The alert of a webhook whose signature is good; whatever the payload lacks is not said."""
    fields, payload = form.fields, _payload(form.fields.get("Payload", ""))
    webhook = _object(payload, "webhook")
    resource = str(payload.get("resource_sid") or "")
    return Alert(
        fields.get("Sid", "")[:LONGEST],
        form.account.name,
        loose.number(payload.get("error_code")),
        "warning" if fields.get("Level", "").lower() == "warning" else "error",
        resource if resource.startswith("CA") and resource.isalnum() and len(resource) <= 64 else "",
        loose.address(_object(webhook, "request").get("url"))[:LONGEST],
        loose.number(_object(webhook, "response").get("status_code")),
    )


def _payload(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _object(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = whole.get(name)
    return found if isinstance(found, dict) else {}

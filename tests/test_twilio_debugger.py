"""Signed debugger webhooks: a line of the journal and a sentence of the log for each, and nothing for forgeries."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.house import House, flow, say
from voiced.secret import Secret
from voiced.simulator.carrier import ACCOUNT_SID
from voiced.twilio.debugger import Alert, read
from voiced.twilio.webhook import Account, Form

CALL = "CA" + "7" * 32
ACCOUNT = Account("main", ACCOUNT_SID, (Secret("token"),))

NAMES = st.sampled_from(["webhook", "request", "response", "url", "status_code", "resource_sid", "error_code"])
ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.floats(), lambda inner: st.dictionaries(NAMES, inner)
)


def fields(code: object = "11200", resource: object = CALL, sid: str = "NO1", **more: str) -> dict[str, str]:
    """What Twilio sends."""
    request = {"url": "https://voiced.test/call/incoming?From=%2B14155550100#ct=1", "parameters": {"From": "+1415"}}
    payload = {"resource_sid": resource, "service_sid": None, "error_code": code, "more_info": {},
               "webhook": {"request": request, "response": {"status_code": 502, "body": "x"}}}  # fmt: skip
    return {"Sid": sid, "AccountSid": ACCOUNT_SID, "Timestamp": "2026-01-01T00:00:00Z", "Level": "ERROR",
            "PayloadType": "application/json", "Payload": json.dumps(payload), **more}  # fmt: skip


class ReadTests(SynchronousTestCase):
    """Forms to alerts."""

    def test_whole(self) -> None:
        """What it is about, and nothing of who called."""
        found = read(Form(ACCOUNT, fields()))
        self.assertEqual(found, Alert("NO1", "main", 11200, "error", CALL, "https://voiced.test/call/incoming", 502))
        self.assertTrue(found.meaning.alarm)
        self.assertIn("403 is the signature", found.fix)

    def test_level_and_resource(self) -> None:
        """A warning, about something that is no call; a code that nobody knows."""
        found = read(Form(ACCOUNT, fields("777", "MZ1", Level="WARNING")))
        self.assertEqual((found.level, found.call), ("warning", ""))
        self.assertIn("errors/777", found.fix)

    @given(st.dictionaries(st.sampled_from(["Sid", "Level", "Payload"]), st.text()))
    def test_anything(self, form: dict[str, str]) -> None:
        """Whatever comes is an alert, if of nothing."""
        self.assertIsInstance(read(Form(ACCOUNT, form)), Alert)

    @given(ANYTHING)
    def test_any_payload(self, payload: Any) -> None:
        """Whatever the payload is."""
        self.assertIsInstance(read(Form(ACCOUNT, {"Payload": json.dumps(payload)})), Alert)


class RouteTests(House):
    """What the daemon makes of it."""

    def setUp(self) -> None:
        """A daemon."""
        super().setUp()
        self.lives_in(flow({"start": [say("Hi.")]}))

    def post(self, form: dict[str, str], **how: Any) -> int:
        """The status of the answer."""
        posted = self.carrier.post("/twilio/debugger", form, **how)
        self.passes(0)
        status: int = self.successResultOf(posted).status
        return status

    def test_written_once(self) -> None:
        """A line with the call's SID and the fix, and a sentence for the log, though Twilio repeats itself."""
        with capturedLogs() as logged:
            self.assertEqual([self.post(fields()), self.post(fields())], [204, 204])
        lines = [line for line in self.journal.lines if line["event"] == "alert"]
        self.assertEqual(len(lines), 1)
        self.assertEqual((lines[0]["call"], lines[0]["code"], lines[0]["status"]), (CALL, 11200, 502))
        self.assertEqual(lines[0]["time"], "2023-11-14T22:13:20.000+00:00")
        self.assertNotIn("1415", json.dumps(lines[0]))
        said = [event for event in logged if event.get("code") == 11200]
        self.assertEqual([(event["log_level"].name, event["call"]) for event in said], [("error", CALL)])

    def test_harmless(self) -> None:
        """That we have closed a stream is no trouble; a warning is one."""
        with capturedLogs() as logged:
            self.post(fields("31921", sid="NO2"))
            self.post(fields("31951", sid="NO3", Level="WARNING"))
        levels = {event["code"]: event["log_level"].name for event in logged if "code" in event}
        self.assertEqual(levels, {31921: "info", 31951: "warn"})

    def test_forged(self) -> None:
        """Without the account's signature nothing is written."""
        self.assertEqual(self.post(fields(), signature="AAAA"), 403)
        self.assertEqual([line for line in self.journal.lines if line["event"] == "alert"], [])

    def test_bounded(self) -> None:
        """A body that is longer than any webhook's is not read."""
        self.assertEqual(self.post(fields(More="x" * 70_000)), 413)
        self.assertEqual([line for line in self.journal.lines if line["event"] == "alert"], [])

    def test_memory(self) -> None:
        """Only so many are remembered."""
        for number in range(1100):
            self.daemon._alerts(Alert(f"NO{number}", "main", 31921))
        self.assertEqual(len(self.daemon._alerts._seen), 1000)

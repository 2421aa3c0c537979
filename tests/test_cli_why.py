"""`voiced why`, in memory: calls that went well and badly, told by our record and the double of Twilio's API."""

from __future__ import annotations

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests import twilio_contract
from tests.doctor_house import DoctorHouse
from tests.test_cli_out import written
from tests.test_twilio_debugger import fields
from voiced.building import JOURNAL
from voiced.call.records import Ending
from voiced.cli import main
from voiced.cli.why import told
from voiced.doctor.cause import ENDINGS, cause
from voiced.doctor.evidence import Evidence, Record, Seen, files, read
from voiced.doctor.timeline import timeline
from voiced.simulator.account import Notice
from voiced.twilio.console import CallSeen, Event
from voiced.twilio.console import Notice as Told

UNKNOWN = "CA" + "0" * 32


class WhyTests(DoctorHouse):
    """What it says of calls through a whole daemon."""

    def why(self, sid: str, **how: Any) -> tuple[int, str]:
        """The exit code, and what is printed."""
        with redirect_stdout(StringIO()) as out, redirect_stderr(out):
            done = Deferred.fromCoroutine(told(self.world, self.read(), sid, **how))
            self.passes(60)
        return self.successResultOf(done), out.getvalue()

    def test_good_call(self) -> None:
        """Both sides' story in the order of time, without anybody's number; once Twilio tells of its requests."""
        call = self.ring()
        self.passes(60)
        code, out = self.why(call.sid)
        self.assertEqual(code, 0)
        self.assertIn("ask again then", out)
        self.passes(900)
        _, out = self.why(call.sid)
        for says in ("inbound, +14•••••••00 -> +14•••••••23, flow test", "completed; at Twilio completed",
                     "voiced  start, step 1: say: done", "twilio  asked https://voiced.test/call/incoming: HTTP 200",
                     "likely cause: nothing went wrong", "fix: nothing has to be done"):  # fmt: skip
            self.assertIn(says, out)
        self.assertNotIn(call.from_, out)
        self.assertNotIn("not known", out)
        if twilio_contract.available():
            twilio_contract.check_rest(self.carrier.rest_requests)

    def test_offline(self) -> None:
        """The record alone tells, and what could not be asked is said; so it is when nobody answers."""
        call = self.ring()
        self.passes(60)
        _, out = self.why(call.sid, offline=True)
        self.assertIn("step 2: say", out)
        self.assertIn("not known: Twilio was not asked", out)
        self.network.forget("api.twilio")
        self.assertIn("not known: looking at call", self.why(call.sid)[1])
        self.network.swallow("api.twilio")
        code, out = self.why(call.sid)
        self.assertEqual(code, 0)
        self.assertIn("step 2: say", out)
        self.assertIn("not known: ", out)

    def test_never_came(self) -> None:
        """A call whose webhooks did not reach us: Twilio's complaints say why, once, and what to do."""
        self.carrier.webhooks.refuse = 50
        call = self.ring()
        self.passes(60)
        code, out = self.why(call.sid)
        self.assertEqual(code, 0)
        self.assertIn("likely cause: Twilio could not connect to public_url", out)
        self.assertIn("(Twilio's error 11205)", out)
        self.assertIn("fix: open TCP 443", out)

    def test_debugger(self) -> None:
        """What its debugger has told the daemon is part of the record, and Twilio need not be asked."""
        call = self.ring()
        self.passes(10)
        posted = self.carrier.post("/twilio/debugger", fields("31920", call.sid))
        self.passes(60)
        self.assertEqual(self.successResultOf(posted).status, 204)
        self.network.forget("api.twilio")
        _, out = self.why(call.sid)
        self.assertIn("twilio  debugger, error 31920: the media stream was refused", out)
        self.assertIn("fix: have the proxy pass WebSockets on", out)

    def test_told_twice(self) -> None:
        """An alert that both the debugger and Twilio's API tell is shown once."""
        call = self.ring()
        self.carrier.post("/twilio/debugger", fields("11200", call.sid))
        self.carrier.account.notices.append(Notice(11200, self.reactor.seconds(), call.sid))
        self.passes(60)
        self.assertEqual(self.why(call.sid)[1].count("11200: "), 1)

    def test_refused(self) -> None:
        """A caller whom a rule refuses."""
        self.settings(("prerender: false", 'prerender: false\ninbound: {deny: {numbers: ["+14155550100"]}}'))
        self.assertIsNotNone(self.reloads())
        call = self.ring()
        self.passes(60)
        self.assertIn("likely cause: rule deny refused it", self.why(call.sid)[1])

    def test_unknown(self) -> None:
        """A call that nobody knows."""
        code, out = self.why(UNKNOWN)
        self.assertEqual(code, 2)
        self.assertIn("has nothing of", out)
        self.assertIn("Twilio knows no call", out)

    def test_another_journal(self) -> None:
        """A journal of another day; one that is none."""
        old = self.home / "old.jsonl"
        old.write_text(json.dumps({"event": "began", "call": UNKNOWN, "time": "2026-01-01T00:00:00.000+00:00"}))
        self.assertIn("a beginning and no end", self.why(UNKNOWN, journal=old, offline=True)[1])
        old.unlink()
        old.symlink_to("/proc/self/mem")
        done = Deferred.fromCoroutine(told(self.world, self.read(), UNKNOWN, old, offline=True))
        self.assertIn("cannot be read", self.failureResultOf(done, click.ClickException).value.message)


class RecordTests(SynchronousTestCase):
    """The journal's files."""

    def test_rotated(self) -> None:
        """What was rotated away is read too, the oldest first; lines that are none are passed over."""
        journal = Path(self.mktemp())
        journal.mkdir()
        line = {"call": UNKNOWN, "time": "2026-01-01T00:00:00.000+00:00"}
        (journal / f"{JOURNAL}.1").write_text(json.dumps({**line, "event": "began"}) + f"\n{UNKNOWN} cut")
        (journal / f"{JOURNAL}.2.gz").write_text("")
        (journal / JOURNAL).write_text(
            "".join(json.dumps({**line, "event": event}) + "\n" for event in ("ended", "alert", "refused", "odd"))
            + json.dumps([UNKNOWN])
        )
        found = files(journal / JOURNAL)
        self.assertEqual([path.name for path in found], [f"{JOURNAL}.1", JOURNAL])
        record = read(found, UNKNOWN)
        self.assertEqual((record.began is None, record.ended is None), (False, False))
        self.assertEqual((len(record.alerts), len(record.refused)), (1, 1))
        self.assertFalse(read(found, "CA1"))

    def test_many_rotated(self) -> None:
        """Their numbers say how old they are, not their names as texts."""
        journal = Path(self.mktemp())
        journal.mkdir()
        for ending in ("", ".1", ".2", ".10", ".9", ".old"):
            (journal / f"{JOURNAL}{ending}").write_text("")
        names = [path.name.removeprefix(JOURNAL) for path in files(journal / JOURNAL)]
        self.assertEqual(names, [".old", ".10", ".9", ".2", ".1", ""])


class CauseTests(SynchronousTestCase):
    """Causes and moments of evidence."""

    def cause(self, record: Record | None = None, **seen: Any) -> str:
        """Cause and fix, as one text."""
        found = cause(Evidence(UNKNOWN, record or Record(), Seen(**seen)))
        return f"{found.says} | {found.fix}"

    def test_endings(self) -> None:
        """Each ending says something of its own, and what went badly has a fix."""
        self.assertEqual(set(ENDINGS), set(Ending))
        for ending in Ending:
            said = self.cause(Record(ended={"ending": ending.value}))
            self.assertIn(ENDINGS[ending].says, said)
            self.assertEqual("nothing went wrong" in said, not ENDINGS[ending].fix)
        self.assertIn("'odd'", self.cause(Record(ended={"ending": "odd"})))

    def test_faults(self) -> None:
        """What failed on our side, with the fix of the ending; an agent; a rule on the way."""
        self.assertIn(
            "the voice was late | see the step", self.cause(Record(ended={"faults": ["the voice was late"]}))
        )
        self.assertIn("a fault of ours", self.cause(Record(ended={"faults": ["x"], "ending": "bug"})))
        agents = [{"agent": "ann", "error": "quota"}]
        self.assertIn("agent ann failed: quota", self.cause(Record(ended={"agents": agents})))
        refused = [{"what": "leg", "rule": "allow", "message": "no"}]
        self.assertIn("refused what it wanted: no", self.cause(Record(ended={"ending": "failed"}, refused=refused)))

    def test_answers(self) -> None:
        """What Twilio was answered badly."""
        for status, says in ((403, "for a forgery"), (502, "answered with HTTP 502"), (0, "answered by nobody")):
            self.assertIn(says, self.cause(events=[Event("https://a.test/call/incoming", status, 5, 1.0)]))

    def test_order(self) -> None:
        """Errors go before warnings, the earliest first; what needs nothing done is no cause."""
        told_ = [Told(31930, 1.0, "warning"), Told(11236, 9.0), Told(11202, 8.0), Told(31921, 0.5)]
        self.assertIn("11202", self.cause(notices=told_))
        self.assertIn("31930", self.cause(notices=told_[:1] + told_[3:]))
        self.assertIn("nothing is known", self.cause(notices=told_[3:]))

    def test_only_at_twilio(self) -> None:
        """A call that Twilio knows and we do not."""
        seen = CallSeen("failed", "inbound", 5.0, 9.0, 3, queue_ms=1500)
        self.assertIn("voiced doctor", self.cause(call=seen))
        moments = timeline(Evidence(UNKNOWN, Record(), Seen(seen)))
        self.assertEqual(
            [str(each) for each in moments],
            ["00:00:05.000  twilio  the call begins (inbound), after 1.5 s in its queue",
             "00:00:09.000  twilio  the call is failed, 3 s after the answer"],
        )  # fmt: skip

    def test_several_times(self) -> None:
        """What Twilio says twice of one second is one line."""
        moments = timeline(Evidence(UNKNOWN, Record(), Seen(notices=[Told(15003, 1.0), Told(15003, 1.0)])))
        self.assertEqual([str(each)[-9:] for each in moments], ["(2 times)"])

    def test_moments(self) -> None:
        """Agents, legs, texts and refusals are part of the story."""
        at = "2026-01-01T00:00:0{}.000+00:00".format
        # fmt: off
        line = {"began": at(0), "answered": at(1), "time": at(9), "ending": "failed", "reason": "shut",
                "agents": [{"agent": "ann", "began": at(2), "ended": at(4), "ready_ms": 80.0, "error": "quota"}],
                "legs": [{"to": "+14", "began": at(5), "result": "busy"}], "texts": [{"to": "+15", "sent": at(6)}]}
        # fmt: on
        refused = [{"time": at(7), "rule": "allow", "message": "no"}]
        said = [each.says for each in timeline(Evidence(UNKNOWN, Record(ended=line, refused=refused), Seen()))]
        self.assertEqual(said[1:], ["answered", "agent ann (ready after 80 ms)", "agent ann: quota",
                                    "connects +14: busy", "texts +15", "refused by rule allow: no",
                                    "ended: failed (shut)"])  # fmt: skip


class CommandTests(SynchronousTestCase):
    """What it does before it looks."""

    def test_no_sid(self) -> None:
        """What is no CallSid is a mistake."""
        config = written(Path(self.mktemp()))
        result = CliRunner().invoke(main, ["why", "CA1", "--config", str(config)])
        self.assertEqual(result.exit_code, 2)
        self.assertIn("is no CallSid", result.output)

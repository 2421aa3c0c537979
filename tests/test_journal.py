"""The journal: what its lines say, their order, and a disk that is full for a while."""

import io
import json
from pathlib import Path

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import maybeDeferred
from twisted.logger import LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.worker_threads import Threads
from voiced.call.privacy import Privacy
from voiced.call.records import (
    AgentRecord,
    CallInfo,
    CallRecord,
    Direction,
    Ending,
    Gap,
    LegRecord,
    RecordingRecord,
    Said,
    StepRecord,
    TextRecord,
    ToolRecord,
)
from voiced.errors import Refused
from voiced.ikept import IJournal
from voiced.journal import FileJournal, began, ended, refused

INFO = CallInfo("CA1", "main", "+14155550101", "+14155550123")
RECORD = CallRecord(
    INFO,
    "reception",
    began=1e9,
    ended=1e9 + 12.25,
    ending=Ending.COMPLETED,
    answered=1e9,
    answered_by="human",
    placed_by="crm",
    reason="the office is closed",
    version="3f0c9a51d2be",
    streams=1,
    first_audio_ms=81.5,
    missing=Gap(2, 3, 0.0400001),
    steps=[
        StepRecord("greeting", 1, "say", 1e9 + 0.25, 1e9 + 2, "heard", "reception"),
        StepRecord("keys", 2, "menu", 1e9 + 2, flow="reception"),
    ],
    faults=["the voice was late"],
)
BEGAN = {
    "event": "began",
    "time": "2001-09-09T01:46:40.000+00:00",
    "call": "CA1",
    "account": "main",
    "direction": "inbound",
    "caller": "+14155550101",
    "called": "+14155550123",
    "flow": "reception",
    "version": "3f0c9a51d2be",
}
GREETING = {
    "flow": "reception",
    "node": "greeting",
    "step": 1,
    "verb": "say",
    "began": "2001-09-09T01:46:40.250+00:00",
    "ended": "2001-09-09T01:46:42.000+00:00",
    "result": "heard",
}


class LineTests(SynchronousTestCase):
    def test_began(self):
        """The first line of a call: who calls whom, and which flow answers."""
        self.assertEqual(began(RECORD, Privacy.OPEN), BEGAN)

    def test_ended(self):
        """The last line says all that the first did, and how it went, step by step."""
        keys = {**GREETING, "node": "keys", "step": 2, "verb": "menu", "began": GREETING["ended"]}
        self.assertEqual(
            ended(RECORD, Privacy.OPEN),
            {
                **BEGAN,
                "event": "ended",
                "time": "2001-09-09T01:46:52.250+00:00",
                "began": BEGAN["time"],
                "seconds": 12.25,
                "ending": "completed",
                "reason": "the office is closed",
                "answered": BEGAN["time"],
                "answered_by": "human",
                "placed_by": "crm",
                "first_audio_ms": 81.5,
                "streams": 1,
                "missing": {"frames": 2, "messages": 3, "seconds": 0.04},
                "steps": [GREETING, {**keys, "ended": None, "result": ""}],
                "agents": [],
                "legs": [],
                "recordings": [],
                "disclosures": [],
                "opted_out": None,
                "facts": {},
                "texts": [],
                "faults": ["the voice was late"],
            },
        )

    def test_agents(self):
        """Each conversation with an agent is there, and what was said in it as far as `privacy` lets it be."""
        said = [Said("caller", "Is it far?", 1001.0), Said("agent", "Not at all.", 1002.5)]
        agent = AgentRecord(
            "guide",
            1000.0,
            1003.0,
            "conv_1",
            120.0,
            2400.0,
            "completed",
            "",
            said,
            [ToolRecord("hang_up", 0.1, error=False)],
        )
        masked = ended(CallRecord(INFO, "hello", 1000.0, agents=[agent]), Privacy.MASKED)["agents"][0]
        shown = ended(CallRecord(INFO, "hello", 1000.0, agents=[agent]), Privacy.OPEN)["agents"][0]
        self.assertEqual((masked["outcome"], masked["conversation"], masked["lines"]), ("completed", "conv_1", 2))
        self.assertNotIn("transcript", masked)
        self.assertEqual(masked["tools"], [{"tool": "hang_up", "seconds": 0.1, "error": False}])
        self.assertEqual([line["text"] for line in shown["transcript"]], ["Is it far?", "Not at all."])

    def test_legs(self):
        """Whom the carrier connected with the human is there, as far as numbers may be; and one that is not over."""
        legs = [
            LegRecord("+14155550199", 1e9, 1e9 + 2, "busy"),
            LegRecord("sip:ann@example.com", 1e9 + 2, seconds=1.5),
        ]
        masked = ended(CallRecord(INFO, "hello", 1e9, legs=legs), Privacy.MASKED)["legs"]
        self.assertEqual(
            masked,
            [
                {
                    "to": "+14•••••••99",
                    "began": BEGAN["time"],
                    "ended": GREETING["ended"],
                    "result": "busy",
                    "seconds": 0.0,
                },
                {
                    "to": "sip:a•••@example.com",
                    "began": GREETING["ended"],
                    "ended": None,
                    "result": "",
                    "seconds": 1.5,
                },
            ],
        )

    def test_texts(self):
        """Who was texted, when, and the carrier's name for it; numbers as `privacy` has them."""
        record = CallRecord(INFO, "hello", 1e9, texts=[TextRecord("+14155550199", 1e9, "SM1")])
        for privacy, to in ((Privacy.MASKED, "+14•••••••99"), (Privacy.STRICT, "withheld")):
            expected = {"to": to, "sent": "2001-09-09T01:46:40.000+00:00", "sid": "SM1"}
            self.assertEqual(ended(record, privacy)["texts"], [expected])

    def test_recordings(self):
        """Where recordings are is there, and nothing of what was said."""
        recording = RecordingRecord("recordings/2001-09-09/CA1-1.wav", 12.34567, "silence", "recordings/CA1-1.txt")
        line = ended(CallRecord(INFO, "hello", 1e9, recordings=[recording]), Privacy.STRICT)
        self.assertEqual(
            line["recordings"],
            [
                {
                    "file": "recordings/2001-09-09/CA1-1.wav",
                    "seconds": 12.346,
                    "ended_by": "silence",
                    "transcript": "recordings/CA1-1.txt",
                }
            ],
        )

    def test_refused(self):
        """Who was refused by which rule; the number is masked in the rule's sentence, too."""
        message = "+14155550199 is in nobody's list"
        line = refused(
            Refused("allow", message),
            Privacy.MASKED,
            time=1e9,
            what="call",
            direction=Direction.OUTBOUND,
            account="main",
            party="+14155550199",
            key="crm",
        )
        self.assertEqual(
            line,
            {
                "event": "refused",
                "what": "call",
                "call": "",
                "time": BEGAN["time"],
                "account": "main",
                "direction": "outbound",
                "party": "+14•••••••99",
                "key": "crm",
                "rule": "allow",
                "message": "+14•••••••99 is in nobody's list",
            },
        )

    def test_refused_nobody(self):
        """A caller of whom nothing is known is refused with the sentence as it is."""
        line = refused(
            Refused("anonymous", "no number"),
            Privacy.STRICT,
            time=1e9,
            what="ring",
            direction=Direction.INBOUND,
            account="main",
            party="",
        )
        self.assertEqual((line["party"], line["message"], line["direction"]), ("", "no number", "inbound"))

    def test_half_a_record(self):
        """A record that has no end yet can be written all the same."""
        line = ended(CallRecord(INFO, "", 1e9), Privacy.OPEN)
        self.assertEqual((line["time"], line["ending"], line["seconds"], line["steps"]), (None, None, 0, []))

    def test_privacy(self):
        """Both lines show numbers as far as the setting allows."""
        for privacy, caller, called in [
            (Privacy.MASKED, "+14•••••••01", "+14•••••••23"),
            (Privacy.STRICT, "withheld", "withheld"),
        ]:
            for line in (began(RECORD, privacy), ended(RECORD, privacy)):
                self.assertEqual((line["caller"], line["called"]), (caller, called))
                self.assertNotIn("5550101", json.dumps(line))

    def test_outbound(self):
        """The direction is written as the API writes it."""
        record = attrs.evolve(RECORD, info=attrs.evolve(INFO, direction=Direction.OUTBOUND))
        self.assertEqual(began(record, Privacy.OPEN)["direction"], "outbound")


class TightFile(io.FileIO):
    """A file on a disk with room for five more bytes."""

    def write(self, data):
        return super().write(data[:5])


class TightPath(type(Path())):
    """The path of such a file."""

    def open(self, mode, buffering):
        return TightFile(self, mode)


class FileJournalTests(SynchronousTestCase):
    def setUp(self):
        self.path = Path(self.mktemp())
        self.journal = FileJournal(self.path, maybeDeferred)

    def lines(self):
        """What stands in the file."""
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    def test_is_a_journal(self):
        """It provides what it claims."""
        verifyObject(IJournal, self.journal)

    def test_json_lines(self):
        """Each record is a line of JSON, readable as text, and what stood in the file stays."""
        self.path.write_text("{}\n")
        self.successResultOf(self.journal.write({"caller": "Zoë\n"}))
        self.successResultOf(self.journal.write({"n": 1}))
        self.assertEqual(self.path.read_text("utf-8"), '{}\n{"caller": "Zoë\\n"}\n{"n": 1}\n')

    def test_order(self):
        """Lines are written one after the other, in the order they were given."""
        threads = Threads()
        journal = FileJournal(self.path, threads)
        written = [journal.write({"n": n}) for n in range(3)]
        for n in range(3):
            self.assertEqual(len(threads.work), 1)
            self.assertNoResult(written[n])
            threads.run()
            self.assertIsNone(self.successResultOf(written[n]))
        self.assertEqual(self.lines(), [{"n": 0}, {"n": 1}, {"n": 2}])

    def test_when_written(self):
        """It fires when all that was given before is in the file, and keeps nothing after it from being written."""
        threads = Threads()
        journal = FileJournal(self.path, threads)
        journal.write({"n": 1})
        written = journal.when_written()
        journal.write({"n": 2})
        self.assertNoResult(written)
        threads.run()
        self.successResultOf(written)
        threads.run()
        self.assertEqual(self.lines(), [{"n": 1}, {"n": 2}])

    def test_a_later_record_changes_nothing(self):
        """A record is written as it was when it was given."""
        threads = Threads()
        record = {"n": 1}
        FileJournal(self.path, threads).write(record)
        record["n"] = 2
        threads.run()
        self.assertEqual(self.lines(), [{"n": 1}])

    def test_rotation(self):
        """After a rename the next line begins a new file."""
        self.journal.write({"n": 1})
        self.path.rename(old := self.path.with_suffix(".1"))
        self.journal.write({"n": 2})
        self.assertEqual((old.read_text(), self.lines()), ('{"n": 1}\n', [{"n": 2}]))

    def test_trouble_is_logged_once(self):
        """A file that cannot be written is logged when that begins and when it is over, and nothing fails."""
        self.path.mkdir()
        with capturedLogs() as logs:
            for n in range(3):
                self.assertIsNone(self.successResultOf(self.journal.write({"n": n})))
            self.path.rmdir()
            for n in range(3):
                self.assertIsNone(self.successResultOf(self.journal.write({"n": n})))
        self.assertEqual([event["log_level"] for event in logs], [LogLevel.error, LogLevel.info])
        self.assertIn("Is a directory", logs[0]["error"])
        self.assertEqual(self.lines(), [{"n": 0}, {"n": 1}, {"n": 2}])

    def test_trouble_again(self):
        """Each time of trouble is logged anew."""
        with capturedLogs() as logs:
            for _ in range(2):
                self.path.mkdir()
                self.journal.write({})
                self.path.rmdir()
                self.journal.write({})
                self.path.unlink()
        self.assertEqual(len(logs), 4)

    def test_full_in_the_middle_of_a_line(self):
        """Half a line is taken back, so that the next one stands whole."""
        self.journal.write({"n": 1})
        with capturedLogs() as logs:
            self.successResultOf(FileJournal(TightPath(self.path), maybeDeferred).write({"n": 2}))
        self.journal.write({"n": 3})
        self.assertEqual((self.lines(), len(logs)), ([{"n": 1}, {"n": 3}], 1))
        self.assertIn("No space left", logs[0]["error"])

    def test_our_own_fault(self):
        """What is no fault of the disk is not taken for one."""
        journal = FileJournal(self.path, lambda *_: maybeDeferred(lambda: 1 / 0))
        self.failureResultOf(journal.write({}), ZeroDivisionError)

    @given(st.dictionaries(st.text(), st.text(), max_size=3))
    def test_any_text(self, record):
        """Any text makes one line and comes back; half characters, which UTF-8 has no bytes for, too."""
        for hostile in (record, {**record, "half": "\ud83d"}):
            self.path.unlink(missing_ok=True)
            self.assertIsNone(self.successResultOf(self.journal.write(hostile)))
            self.assertEqual((self.path.read_bytes().count(b"\n"), self.path.read_bytes()[-1:]), (1, b"\n"))
            self.assertEqual(json.loads(self.path.read_bytes()), hostile)

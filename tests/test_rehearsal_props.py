"""What stands in the place of the outside: lookups, tools, the web, and what a daemon keeps."""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import DNSLookupError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.rehearsals import Rehearsals
from voiced.call.filing import IRecording, IRecordings, transcript_of
from voiced.call.records import CallInfo
from voiced.errors import LookupFailed, RecordingFailed, ToolFailed
from voiced.ikept import ICounts, IJournal
from voiced.ivoiced import ToolResult
from voiced.rehearsal import web
from voiced.rehearsal.memory import ListJournal, MemoryRecordings, NoCounts
from voiced.rehearsal.props import ScriptedLookup, ScriptedTool
from voiced.rehearsal.rehearse import configured
from voiced.rehearsal.scenario import Fault, Scenario, WebAnswer
from voiced.rehearsal.stage import Stage
from voiced.simulator.memory import elapse
from voiced.testing.contracts import AgentToolContract, CallerLookupContract
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_toolbox import FakeTool

INFO = CallInfo("CA1", "main", "+14155550100", "+14155550123")


class PropTests(SynchronousTestCase):
    """Lookups and tools."""

    def setUp(self) -> None:
        """A call, and nothing to complain about."""
        self.clock = Clock()
        self.call = FakeCall(clock=self.clock)
        self.complaints: list[str] = []

    def lookup(self, known: dict[str, str] | None, *faults: Fault) -> ScriptedLookup:
        """One that the scenario says this of."""
        return ScriptedLookup("crm", () if known is None else (known,), faults, self.complaints.append)

    def test_no_answer(self) -> None:
        """A lookup or tool without an answer fails, and the scenario with it."""
        self.failureResultOf(self.lookup(None).lookup(self.call), LookupFailed)
        tool = ScriptedTool("book", (), (), self.complaints.append)
        self.failureResultOf(tool.run(self.call, {}), ToolFailed)
        hints = ["lookup crm has no answer: write `lookups: {crm: {name: Ann}}`, or `{}`"]
        self.assertEqual(self.complaints, [*hints, 'tool book has no answer: write `tools: {book: "It is done."}`'])

    def test_counted(self) -> None:
        """A fault may be of the second time only."""
        lookup = self.lookup({"name": "Ann"}, Fault(lookup="crm", fails=True, first=2, times=1))
        self.assertEqual(self.successResultOf(lookup.lookup(self.call)), {"name": "Ann"})
        self.failureResultOf(lookup.lookup(self.call), LookupFailed)
        self.assertEqual(self.successResultOf(lookup.lookup(self.call)), {"name": "Ann"})

    def test_late(self) -> None:
        """It answers so many seconds later."""
        looking = self.lookup({"name": "Ann"}, Fault(lookup="crm", late=2.0)).lookup(self.call)
        self.clock.advance(1.9)
        self.assertNoResult(looking)
        self.clock.advance(0.2)
        self.assertEqual(self.successResultOf(looking), {"name": "Ann"})

    def test_real(self) -> None:
        """Behind its faults stands the real one, where there is no answer."""
        real = FakeTool(ToolResult("Really."))
        tool = ScriptedTool("book", (), (), self.complaints.append, real)
        self.assertEqual(self.successResultOf(tool.run(self.call, {})).text, "Really.")


class LookupTests(CallerLookupContract, SynchronousTestCase):
    """A scripted lookup keeps the contract of every lookup."""

    known = "+14155550100"
    unknown = None

    def make_lookup(self) -> ScriptedLookup:
        """One that knows somebody, after a while."""
        self.clock = Clock()
        self.faults = [Fault(lookup="crm", late=0.1)]
        return ScriptedLookup("crm", ({"name": "Ann"},), self.faults, self.fail)

    def break_lookup(self) -> None:
        """It is to fail."""
        self.faults[:] = [Fault(lookup="crm", fails=True)]


class ToolTests(AgentToolContract, SynchronousTestCase):
    """A scripted tool keeps the contract of every tool."""

    def make_tool(self) -> ScriptedTool:
        """One that is used at once."""
        self.clock = Clock()
        return ScriptedTool("book", ("Booked.",), (), self.fail)


class WebTests(Rehearsals):
    """The web of a scenario."""

    def ask(self, method: str, url: str) -> tuple[int, str]:
        """What is answered."""
        return self.successResultOf(self.asking(method, url))

    def asking(self, method: str, url: str) -> Deferred[tuple[int, str]]:
        """The same, as it comes, in a scenario that knows three pages."""
        answers = (
            WebAnswer("https://crm.example/a", json={"name": "Ann"}),
            WebAnswer("https://crm.example/b?x=1", status=503, body="away"),
            WebAnswer("https://crm.example/b", method="POST", body="made"),
        )
        scenario = Scenario(scenario="it", http=answers)
        self.stage = Stage(configured(self.directory / "voiced.yaml", {}), scenario)
        http = web.client(self.stage.network, answers, self.stage.complain)

        async def asked() -> tuple[int, str]:
            response = await http.request(method, url)
            return response.code, (await response.content()).decode()

        asking = Deferred.fromCoroutine(asked())
        elapse(self.stage.clock, 1)
        return asking

    def test_answers(self) -> None:
        """By URL and method; a query that the answer does not name does not matter."""
        self.assertEqual(self.ask("GET", "http://crm.example/a?id=3"), (200, '{"name": "Ann"}'))
        self.assertEqual(self.ask("GET", "http://crm.example/b?x=1"), (503, "away"))
        self.assertEqual(self.ask("POST", "http://crm.example/b"), (200, "made"))
        self.assertEqual(self.stage.complaints, [])

    def test_unknown(self) -> None:
        """What nobody has thought of is not there, and the scenario fails by it."""
        self.assertEqual(self.ask("GET", "http://crm.example/b")[0], 404)
        hint = "GET https://crm.example/b is asked, and `http:` has no answer for it"
        self.assertEqual(self.stage.complaints, [hint])

    def test_nobody_there(self) -> None:
        """Nor is a host that the scenario does not name."""
        self.failureResultOf(self.asking("GET", "https://elsewhere.example/b"), DNSLookupError)
        hint = "GET https://elsewhere.example/b is asked, and `http:` has no answer for it"
        self.assertEqual(self.stage.complaints, [hint])


class MemoryTests(SynchronousTestCase):
    """What a daemon keeps."""

    def test_contracts(self) -> None:
        """Each provides its interface."""
        recordings = MemoryRecordings()
        kept = ((ICounts, NoCounts()), (IJournal, ListJournal()), (IRecordings, recordings))
        for contract, thing in (*kept, (IRecording, recordings.open(INFO))):
            self.assertTrue(verifyObject(contract, thing))
        self.assertEqual(self.successResultOf(NoCounts().keep({})), self.successResultOf(succeed(None)))

    def test_recording(self) -> None:
        """What was recorded can be read, and its text stands beside it."""
        recordings = MemoryRecordings()
        recording = recordings.open(INFO)
        recording.write(b"abcdef")
        filed = self.successResultOf(recording.finish(4))
        self.assertEqual((filed.length, self.successResultOf(recordings.read(filed.file, 1, 9))), (4, b"bcd"))
        recordings.write_down(filed.file, "hi")
        self.assertEqual(recordings.files[transcript_of(filed.file)], b"hi")
        self.failureResultOf(recordings.read("none", 0, 1), RecordingFailed)

"""The toolbox: whatever a tool does, the agent gets a result."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.call.toolbox import MOST_TEXT, Toolbox
from voiced.errors import CallOver, LookupFailed, ToolFailed
from voiced.ivoiced import IAgentTool, IToolbox, Outcome, ToolResult
from voiced.testing.fake_call import INFO, FakeCall
from voiced.testing.fake_toolbox import FakeTool, FakeToolbox

SECRET = "4929 1234"


class ToolboxCase(SynchronousTestCase):
    def setUp(self):
        self.call = FakeCall()
        self.clock = self.call.clock
        self.events = self.enterContext(capturedLogs())

    def start(self, reply, name="weather", arguments=None, **tool):
        """A use of a tool that answers so."""
        self.tool = FakeTool(reply, **tool)
        return Toolbox({"weather": self.tool}, self.call).use(
            name, {"card": SECRET} if arguments is None else arguments
        )

    def use(self, reply, **how):
        """Its result."""
        return self.successResultOf(self.start(reply, **how))

    def logged(self):
        """What was logged of tools."""
        events = [event for event in self.events if event.get("log_namespace") == "voiced.call.toolbox"]
        return [event["log_format"].format(**event) for event in events]


class ResultTests(ToolboxCase):
    def test_provides_the_interface(self):
        """It and its double are IToolboxes."""
        verifyObject(IToolbox, Toolbox({}, self.call))
        verifyObject(IToolbox, FakeToolbox(weather=ToolResult("Sunny.")))
        verifyObject(IAgentTool, FakeTool())

    def test_the_double(self):
        """The double of a toolbox answers as it was told, and knows what it was asked."""
        later = Deferred()
        box = FakeToolbox(weather=ToolResult("Sunny."), crm=later)
        self.assertEqual(self.successResultOf(box.use("weather", {"city": "Rome"})), ToolResult("Sunny."))
        self.assertTrue(self.successResultOf(box.use("x", {})).error)
        self.assertIs(box.use("crm", {}), later)
        self.assertEqual(box.used, [("weather", {"city": "Rome"}), ("x", {}), ("crm", {})])

    def test_result(self):
        """A result is given as it is, with what it wants done next; the tool has the arguments."""
        result = ToolResult("The call ends.", leave=Outcome("hung_up"))
        self.assertEqual(self.use(result), result)
        self.assertEqual(self.tool.ran, [{"card": SECRET}])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_later(self):
        """A result may take its time."""
        reply = Deferred()
        used = self.start(reply)
        self.clock.advance(1.5)
        self.assertNoResult(used)
        reply.callback(ToolResult("Sunny."))
        self.assertEqual(self.successResultOf(used), ToolResult("Sunny."))
        self.assertEqual(self.logged(), [f"{INFO.sid}: tool weather: ok after 1.50 s"])

    def test_unknown(self):
        """A tool that is not there is an error that names those that are; what the agent called it is not logged."""
        result = self.use(ToolResult("x"), name="4929" * 99)
        self.assertTrue(result.error)
        self.assertTrue(result.text.endswith("there are: weather."))
        self.assertLess(len(result.text), 120)
        self.assertNotIn("4929", str(self.logged()))
        result = self.successResultOf(Toolbox({}, self.call).use("x", {}))
        self.assertEqual(result.text, "There is no tool 'x'; there are: none.")

    def test_arguments_that_are_no_object(self):
        """They do not reach the tool."""
        for arguments in ([], "x", 1):
            self.assertTrue(self.use(ToolResult("x"), arguments=arguments).error)
            self.assertEqual(self.tool.ran, [])

    def test_failed(self):
        """A ToolFailed's sentence is told; it is not logged, for it may hold what the caller said."""
        self.assertEqual(self.use(ToolFailed(f"no card {SECRET}")), ToolResult(f"no card {SECRET}", error=True))
        self.assertEqual(self.logged(), [f"{INFO.sid}: tool weather: error after 0.00 s"])

    def test_other_errors_of_ours(self):
        """They are told without their sentence, which is the operator's."""
        result = self.use(LookupFailed("the table is locked"))
        self.assertEqual(result, ToolResult("weather could not do it.", error=True))
        self.assertIn(f"{INFO.sid}: tool weather: the table is locked", self.logged())

    def test_call_over(self):
        """A caller who is gone is no fault of the tool's."""
        self.assertEqual(self.use(CallOver()), ToolResult("The call is over.", error=True))

    def test_bug(self):
        """A bug is logged with its traceback, and is an error like any other."""
        result = self.use(KeyError("city"))
        self.assertEqual(result, ToolResult("The tool weather has a fault: do without it.", error=True))
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_raises(self):
        """So is an exception that comes out of `run` itself."""
        box = Toolbox({"weather": FakeTool()}, self.call)
        box.tools["weather"].ran = None
        self.assertTrue(self.successResultOf(box.use("weather", {})).error)
        self.assertEqual(len(self.flushLoggedErrors(AttributeError)), 1)

    def test_no_result(self):
        """And an answer that is none."""
        self.assertTrue(self.use(succeed("Sunny.")).error)
        self.assertIn(f"{INFO.sid}: tool weather gave no ToolResult", self.logged())

    def test_nothing_private_is_logged(self):
        """Neither what was asked nor what was answered."""
        self.use(ToolResult(SECRET))
        self.use(ToolResult(SECRET, error=True))
        self.assertEqual(len(self.logged()), 2)
        self.assertNotIn(SECRET, str(self.logged()))
        self.assertNotIn(SECRET, str([{**event, "log_source": None} for event in self.events]))


class TimeTests(ToolboxCase):
    def test_late(self):
        """A tool that is late is cancelled, and the agent is told."""
        cancelled = []
        used = self.start(Deferred(cancelled.append), timeout=3)
        self.clock.advance(2.9)
        self.assertNoResult(used)
        self.clock.advance(0.1)
        sentence = "weather did not answer within 3 s: it may have happened, or not."
        self.assertEqual(self.successResultOf(used), ToolResult(sentence, error=True))
        self.assertEqual(len(cancelled), 1)

    def test_late_and_deaf(self):
        """One that does not obey is not waited for, and what it answers later is nobody's."""
        replies = Deferred(lambda d: d.callback(ToolResult("Too late."))), Deferred(lambda d: d.errback(KeyError()))
        for reply in replies:
            used = self.start(reply, timeout=3)
            self.clock.advance(3)
            self.assertTrue(self.successResultOf(used).error)

    def test_canceller_that_breaks(self):
        """One whose canceller raises is a bug, and no more."""

        def broken(_):
            raise KeyError("socket")

        used = self.start(Deferred(broken), timeout=3)
        self.clock.advance(3)
        self.assertTrue(self.successResultOf(used).error)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_cancelled(self):
        """Cancelling the use cancels the tool, and leaves no timer."""
        cancelled = []
        for reply in (Deferred(cancelled.append), Deferred(lambda d: d.callback(ToolResult("Done.")))):
            used = self.start(reply)
            used.cancel()
            self.failureResultOf(used, CancelledError)
            self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(len(cancelled), 1)

    def test_cancelled_after_its_end(self):
        """Cancelling what is done changes nothing."""
        used = self.start(ToolResult("Sunny."))
        used.cancel()
        self.assertEqual(self.successResultOf(used), ToolResult("Sunny."))

    def test_several_at_once(self):
        """Each use has its own time and its own result."""
        first, second = Deferred(), Deferred()
        uses = [self.start(first), self.start(second, timeout=9)]
        second.callback(ToolResult("Second."))
        self.clock.advance(5)
        self.assertEqual([self.successResultOf(use).error for use in uses], [True, False])


class TextTests(ToolboxCase):
    def test_long(self):
        """A long text is cut, and says so."""
        text = self.use(ToolResult("é" * MOST_TEXT)).text
        self.assertTrue(text.startswith("ééé"))
        self.assertTrue(text.endswith("é … (the rest was cut off)"))
        self.assertLessEqual(len(text.encode()), MOST_TEXT)

    def test_just_right(self):
        """One of the length that is allowed is whole."""
        self.assertEqual(self.use(ToolResult("x" * MOST_TEXT)).text, "x" * MOST_TEXT)

    @given(st.text(alphabet="aé\ud800\udc00 🎉", max_size=20).map(lambda text: text * 1000))
    def test_any_text(self, text):
        """Whatever the text is, what is given of it can be sent."""
        call = FakeCall()
        used = Toolbox({"any": FakeTool(ToolResult(text))}, call).use("any", {})
        self.assertLessEqual(len(self.successResultOf(used).text.encode()), MOST_TEXT)

"""Published: what IAgent promises, as tests that any agent can run.

A third party's agent is held to the contract in twenty lines::

    from twisted.internet.task import Clock
    from twisted.trial.unittest import SynchronousTestCase
    from voiced.testing.contracts import AgentContract
    from voiced.testing.fakes import FakeTools
    from acme.agent import Settings, make

    class AcmeContract(AgentContract, SynchronousTestCase):
        def make_agent(self):
            self.clock = Clock()
            self.vendor = AcmeInMemory(self.clock)
            return make(Settings(), FakeTools(self.clock, http=self.vendor.http))

        def agent_speaks(self):
            self.vendor.says("Hello.")

        def agent_ends(self):
            self.vendor.hangs_up()

        def break_agent(self):
            self.vendor.dies()

        def left_open(self):
            return self.vendor.open_sessions
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest
from zope.interface.verify import verifyObject

from voiced.call.audio import SILENCE, silence
from voiced.errors import AgentError
from voiced.ivoiced import Brief, IAgent, Outcome
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_line import FakeLine

READY_SECONDS = 2.0


class AgentContract:
    """What IAgent promises; a mixin for `twisted.trial.unittest.SynchronousTestCase`.

    Override `make_agent`, with a double of its vendor, and `agent_speaks`, `agent_ends`, `break_agent`: what makes
    the double say something, end the conversation, and fail. `left_open` says how many sessions the vendor still has
    open. Where more than `self.clock` moves the agent, override `advance` too.
    """

    clock: Clock
    line: FakeLine
    """The one that the running conversation has."""
    talking: Deferred[Outcome]
    brief = Brief()
    """What it is asked to do."""
    step = 0.05
    """How the clock is advanced, in seconds."""
    turns = 40
    """At how many turns of its beginning it is cancelled: until after it is ready."""

    # For mypy: what comes from SynchronousTestCase.
    assertEqual: Any
    assertTrue: Any
    assertIsInstance: Any
    assertNoResult: Any
    successResultOf: Any
    failureResultOf: Any
    flushLoggedErrors: Any

    def make_agent(self) -> IAgent:
        """A new agent whose vendor works; and set `self.clock`."""
        raise NotImplementedError

    def agent_speaks(self) -> None:
        """Let the agent of the running conversation say something."""
        raise NotImplementedError

    def agent_ends(self) -> None:
        """Let it end the conversation."""
        raise NotImplementedError

    def break_agent(self) -> None:
        """Let its vendor fail, in the running conversation."""
        raise SkipTest("break_agent is not overridden")

    def left_open(self) -> int:
        """How many sessions its vendor still holds open."""
        return 0

    def advance(self, seconds: float) -> None:
        """Let so much time pass, and let happen what happens in it."""
        self.clock.advance(seconds)

    def turn(self) -> None:
        """Let the next thing happen that waits on the clock, and nothing else."""
        if self.clock.calls:
            due = self.clock.calls.pop(0)
            self.clock.rightNow = max(self.clock.rightNow, due.getTime())
            due.called = 1
            due.func(*due.args, **due.kw)

    # The promises

    def test_provides_the_interface(self) -> None:
        """It is an IAgent, as zope.interface verifies; it says who hears that it is interrupted."""
        agent = self.make_agent()
        verifyObject(IAgent, agent)
        self.assertIsInstance(agent.notices_interruptions, bool)

    def test_is_ready(self) -> None:
        """It is there within two seconds, and hears the caller."""
        self._begin()
        self._pass(READY_SECONDS)
        self.assertTrue(self.line.is_ready)
        self.assertTrue(self.line.is_heard)
        self._take_back()

    def test_speaks(self) -> None:
        """What it says is heard."""
        self._talk()
        self.assertTrue(self.line.heard.strip(SILENCE))
        self._take_back()

    def test_ends(self) -> None:
        """It fires with an Outcome when the conversation is over, and leaves nothing behind."""
        self._talk()
        self.agent_ends()
        self._pass(20)
        self.assertIsInstance(self.successResultOf(self.talking), Outcome)
        self._assert_nothing_left()

    def test_fails(self) -> None:
        """When its vendor fails, it fails with AgentError, and leaves nothing behind."""
        self._talk()
        self.break_agent()
        self._pass(20)
        self.failureResultOf(self.talking, AgentError)
        self._assert_nothing_left()

    def test_cancelled_at_any_time(self) -> None:
        """Cancelled at whatever turn of its beginning, it is silent from then on, and leaves nothing behind."""
        for turns in range(self.turns):
            self._begin()
            for _ in range(turns):
                self.turn()
            self._take_back()

    def test_cancelled_while_it_speaks(self) -> None:
        """Cancelled in the middle of a word, it is silent from then on, and leaves nothing behind."""
        self._talk()
        self.agent_speaks()
        self.advance(0.001)
        self._take_back()

    def test_hears(self) -> None:
        """It takes whatever the caller says, and any key, without harm."""
        self._talk()
        self.line.caller_says(silence(1.0))
        self.line.press("5")
        self._pass(1)
        self.assertNoResult(self.talking)
        self._take_back()

    def test_interrupted(self) -> None:
        """Its speech may be cut under it; it goes on being there."""
        self._talk()
        self.agent_speaks()
        self._pass(0.2)
        self.line.interrupt()
        self._pass(0.5)
        self.assertNoResult(self.talking)
        self._take_back()

    def test_two_at_once(self) -> None:
        """Conversations do not know of each other."""
        agent = self._begin()
        first, talking = self.line, self.talking
        self._begin(agent)
        self._pass(READY_SECONDS)
        self.talking.cancel()
        self.failureResultOf(self.talking, CancelledError)
        self._pass(1)
        self.assertNoResult(talking)
        self.line, self.talking = first, talking
        self.assertTrue(self.line.is_ready)
        self._take_back()

    # Within

    def _begin(self, agent: IAgent | None = None) -> IAgent:
        if agent is None:
            agent = self.make_agent()
            self._before = {due.func for due in self.clock.calls}
        self.line = FakeLine(self.clock)
        self.talking = agent.converse(self.line, FakeCall(clock=self.clock), self.brief)
        return agent

    def _talk(self) -> None:
        self._begin()
        self._pass(READY_SECONDS)
        self.agent_speaks()
        self._pass(1)

    def _take_back(self) -> None:
        """Cancel, as the call does when the caller hangs up."""
        self.line.hang_up()
        self.talking.cancel()
        self.failureResultOf(self.talking, CancelledError)
        self._assert_nothing_left()

    def _assert_nothing_left(self) -> None:
        sent = self.line.sent
        self._pass(20)
        self.assertEqual(self.left_open(), 0, "sessions are left open")
        self.assertEqual(self.line.sent, sent, "it speaks on")
        self.assertEqual(self.line.after_the_end, 0, "it uses the line when it has it no more")
        waiting = [due for due in self.clock.calls if due.func not in self._before]
        self.assertEqual(waiting, [], "timers are left")
        self.assertEqual(self.flushLoggedErrors(), [])

    def _pass(self, seconds: float) -> None:
        for _ in range(round(seconds / self.step)):
            self.advance(self.step)

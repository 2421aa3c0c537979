"""A call while it lives: what its verbs do without a whole daemon around."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred, succeed
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.house import House, flow, say
from voiced.call.dialplan import DialPlan
from voiced.call.program import Colleague, Program
from voiced.call.records import Ending
from voiced.call.steps.handover import Agent
from voiced.call.steps.lookup import Lookup
from voiced.errors import CallOver
from voiced.icarrier import IMediaStream
from voiced.ivoiced import Brief, IAgent, ICall, ICallerLookup, ILine, ISpeech, Outcome
from voiced.testing.fakes import spell


@implementer(IAgent)
class Parrot:
    """An agent that says back what it hears, until it has heard enough."""

    notices_interruptions = True

    def converse(self, line: ILine, call: ICall, brief: Brief) -> Deferred[Outcome]:
        """See IAgent."""
        self.heard, self.line = b"", line
        self.done: Deferred[Outcome] = Deferred(lambda _: line.hear(None))
        verifyObject(ILine, line)
        verifyObject(ISpeech, line.speak())
        line.ready()
        line.hear(self.hear)
        return self.done

    def hear(self, audio: bytes) -> None:
        """Some of the caller's voice."""
        self.heard += audio
        if len(self.heard) == 8000:
            self.line.hear(None)
            self.line.send_audio(spell("And you?"))
            self.line.clear()
            self.line.send_audio(spell("Aha."))
            self.line.when_heard().addCallback(lambda _: self.done.callback(Outcome("bored", {"turns": "1"})))


@implementer(ICallerLookup)
class Friends:
    """Everybody is called Ann."""

    def lookup(self, call: ICall) -> Deferred[Mapping[str, str]]:
        """See ICallerLookup."""
        return succeed({"name": "Ann"})


class SessionTests(House):
    """Verbs that no built-in step of a static flow uses."""

    def test_interfaces(self) -> None:
        """A session is a call; its stream is a media stream."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        session = self.daemon.switchboard.find(self.ring().sid)
        verifyObject(ICall, session)
        verifyObject(IMediaStream, session._stream)

    def test_not_handed_over(self) -> None:
        """A call whose stream is here is no other daemon's: it has no ticket any more."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        switchboard = self.daemon.switchboard
        session = switchboard.find(self.ring().sid)
        self.assertRaises(CallOver, switchboard.hand_over, session)
        self.assertRaises(CallOver, session.hand_over)
        self.assertIs(switchboard.find(session.info.sid), session)

    def test_stall_without_stream(self) -> None:
        """A stall that is noticed when no stream is there any more changes nothing but the record."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        session = self.daemon.switchboard.find(self.ring().sid)
        for _ in "ab":
            session._stalled()
        self.assertEqual(len(session.record.faults), 2)

    def test_agent(self) -> None:
        """An agent takes the line, hears the caller, speaks, clears, and leaves facts behind."""
        parrot = Parrot()
        steps = [Agent("parrot"), say("You were {agent.outcome} after {agent.turns}.")]
        self.moves_in(self.program(steps, agents={"parrot": Colleague(parrot)}))
        call = self.ring()
        call.speak(spell("Hello, is anybody there?"))
        self.passes(5)
        self.assertIn(b"H" * 400, parrot.heard)
        self.assertEqual("".join(self.read(call)), "Aha.You were bored after 1.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_caller_leaves_agent(self) -> None:
        """A caller who hangs up ends the conversation: it is cancelled."""
        parrot = Parrot()
        self.moves_in(self.program([Agent("parrot")], agents={"parrot": Colleague(parrot)}))
        call = self.ring()
        self.passes(0.1)
        call.hang_up()
        self.passes(1)
        self.assertTrue(parrot.done.called)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)

    def test_lookup(self) -> None:
        """What a lookup knows of the caller can be said."""
        steps = [Lookup("friends"), say("Hello {party.name|you}.")]
        self.moves_in(self.program(steps, lookups={"friends": Friends()}))
        call = self.ring()
        self.passes(3)
        self.assert_heard(call, "Hello Ann.")

    def program(self, steps: list[object], **parts: object) -> Program:
        """A program of one flow with these steps."""
        flows = {"test": flow({"start": steps})}
        return Program(flows, DialPlan({"default": "test"}), voices={"test": self.voice}, **parts)

"""Every step that comes with voiced keeps the contract of steps."""

from __future__ import annotations

import importlib
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.call.steps.calling import Call, Return
from voiced.call.steps.digits import Menu
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.lookup import Lookup
from voiced.call.steps.routing import Choose, Goto, Hangup
from voiced.call.steps.speech import Pause, Play, Say
from voiced.call.template import Template
from voiced.ivoiced import Apologise, ICall, Outcome
from voiced.settings.registry import Registry
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall


class FakeCallTests(SynchronousTestCase):
    """The call that steps are tested on."""

    def test_is_a_call(self) -> None:
        """It has all that steps may use of a call."""
        verifyObject(ICall, FakeCall())

    def test_keeps_what_it_was_told(self) -> None:
        """What no step of ours does is there all the same."""
        call = FakeCall()
        call.interrupt()
        call.then(Apologise("Sorry."))
        self.assertEqual((call.interrupts, call.sequel), (1, Apologise("Sorry.")))


class SayContract(StepContract, SynchronousTestCase):
    """say."""

    def make_step(self) -> Say:
        """A sentence with a fact, in another voice."""
        return Say(Template.parse("Hello {party.name|you}"), voice="rachel")


class PlayContract(StepContract, SynchronousTestCase):
    """play."""

    def make_step(self) -> Play:
        """A sound that the call has."""
        return Play("gong.wav")

    def make_call(self) -> FakeCall:
        """A call that has the sound."""
        return FakeCall(pace=1.0, sounds={"gong.wav": b"\x00" * 8000})


class PauseContract(StepContract, SynchronousTestCase):
    """pause."""

    def make_step(self) -> Pause:
        """A second and a half."""
        return Pause(1.5)


class MenuContract(StepContract, SynchronousTestCase):
    """menu."""

    def make_step(self) -> Menu:
        """A menu with all it can have."""
        wrong = Template.parse("That is no choice.")
        return Menu(Template.parse("Press one."), {"1": "sales", "#": "hours"}, invalid=wrong, otherwise="goodbye")


class GotoContract(StepContract, SynchronousTestCase):
    """goto."""

    def make_step(self) -> Goto:
        """To the sales."""
        return Goto("sales")


class HangupContract(StepContract, SynchronousTestCase):
    """hangup."""

    def make_step(self) -> Hangup:
        """There is only one."""
        return Hangup()


class LookupContract(StepContract, SynchronousTestCase):
    """lookup."""

    def make_step(self) -> Lookup:
        """One that takes its time."""
        return Lookup("crm")

    def make_call(self) -> FakeCall:
        """A call whose lookup never answers."""
        return FakeCall(lookups={"crm": Deferred()})


class AgentContract(StepContract, SynchronousTestCase):
    """agent."""

    def make_step(self) -> Agent:
        """The sales agent."""
        return Agent("sales")


class BusyAgentContract(AgentContract):
    """agent, in a conversation."""

    def make_call(self) -> FakeCall:
        """A call whose agent talks for a while."""
        clock = Clock()
        return FakeCall(clock=clock, agents={"sales": deferLater(clock, 5.0, Outcome, "done")})


class ChooseContract(StepContract, SynchronousTestCase):
    """choose."""

    def make_step(self) -> Choose:
        """Two ways on."""
        return Choose("agent.outcome", {"failed": "sorry"}, "fine")


class TransferContract(StepContract, SynchronousTestCase):
    """transfer."""

    def make_step(self) -> Transfer:
        """To a human."""
        return Transfer(Template.parse("+14155550100"))


class CallContract(StepContract, SynchronousTestCase):
    """call."""

    def make_step(self) -> Call:
        """With an argument and a result."""
        return Call("confirm", {"what": Template.parse("{party.name}")}, "confirmed")


class ReturnContract(StepContract, SynchronousTestCase):
    """return."""

    def make_step(self) -> Return:
        """With a result."""
        return Return(Template.parse("{menu.key}"))


class EveryStepTests(SynchronousTestCase):
    """None is forgotten above."""

    def test_each_built_in_step_has_its_contract(self) -> None:
        """Every step that is installed is made by one of these test cases."""
        for file in Path(__file__).parent.glob("test_steps_*.py"):
            importlib.import_module(f"tests.{file.stem}")
        registry = Registry.find()
        cases = [case for case in StepContract.__subclasses__() if case.__module__.startswith("tests.test_steps_")]
        tested = {type(case().make_step()) for case in cases}
        self.assertEqual({registry.load("step", name) for name in registry.names("step")}, tested)

"""voiced.yaml's agents and our own ears: what is named is there; what cannot be had is said before anybody calls."""

from __future__ import annotations

import attrs
import msgspec
from zope.interface import implementer

from tests.test_settings_load import HELLO, REGISTRY, VOICED, ProgramCase
from voiced.errors import ConfigError
from voiced.ivoiced import Brief, IAgent, ICall, ILine, Mentions, Tools
from voiced.maker import Maker
from voiced.settings import load
from voiced.settings.registry import Found, Registry
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import FakeTools


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This module is the agent `toy`."""

    voice: str | None = None
    uses: str | None = None
    deaf: bool = True

    def mentions(self) -> Mentions:
        """Its voice and its tool."""
        return Mentions(voices=(self.voice,) if self.voice else (), tools=(self.uses,) if self.uses else ())


@implementer(IAgent)
@attrs.frozen
class Toy:
    """An agent that may or may not notice that it is interrupted."""

    notices_interruptions: bool

    def converse(self, line: ILine, call: ICall, brief: Brief) -> None:
        """Never called here."""


def make(settings: Settings, tools: Tools) -> Toy:
    """The toy."""
    return Toy(not settings.deaf)


TOY = Found(Maker("agent", "toy", "A toy", __name__), __name__)
NO_EARS = "this test gave no ears: FakeTools(hearing=FakeHearing())"


class AgentCase(ProgramCase):
    """Settings with an agent."""

    def setUp(self) -> None:
        """The toy is installed."""
        super().setUp()
        self.patch(load.Registry, "find", classmethod(lambda cls: Registry((*REGISTRY.found, TOY))))

    def program(self, text: str = VOICED, hears: bool = True):  # type: ignore[no-untyped-def]
        """The program of this voiced.yaml, on a machine with ears or without."""
        self.hearing = FakeHearing()
        tools = FakeTools(self.clock, directory=self.directory / "var", hearing=self.hearing if hears else None)
        (self.directory / "voiced.yaml").write_text(text)
        return load.build_program(load.read(self.directory / "voiced.yaml", {}), tools)

    def fault(self, *arguments: object, **more: object) -> str:
        """What is wrong, without the directory."""
        error = self.assertRaises(ConfigError, self.program, *arguments, **more)
        return str(error).replace(f"{self.directory}/", "")


class MentionsTests(AgentCase):
    """What the settings of an agent name."""

    def test_known(self) -> None:
        """A voice of voiced.yaml, and a tool that the agent has."""
        agents = "agents: {toy: {agent: toy, voice: spare, uses: hang_up, tools: [hang_up], barge_in: none}}\n"
        colleague = self.program(VOICED + agents).agents["toy"]
        self.assertEqual((list(colleague.tools), colleague.barge_in), (["hang_up"], "none"))

    def test_unknown(self) -> None:
        """A voice that is not there, and a tool that the agent was not given."""
        agents = "agents: {toy: {agent: toy, voice: rachl, uses: hang_up, barge_in: none}}\n"
        self.assertEqual(
            self.fault(VOICED + agents).splitlines(),
            [
                "voiced.yaml:14:10: agents.toy: it uses the tool 'hang_up': add it to its `tools`",
                "voiced.yaml:14:10: agents.toy: no voice is called 'rachl'; did you mean 'rachel'?",
            ],
        )


class EarsTests(AgentCase):
    """Who listens for the caller to interrupt."""

    def test_nobody_needs_any(self) -> None:
        """Without need there are none, whether they could be had or not."""
        for agents in ("", "agents: {toy: {agent: toy, deaf: false}}", "agents: {toy: {agent: toy, barge_in: none}}"):
            self.assertIsNone(self.program(VOICED + agents, hears=False).hearing)

    def test_needed(self) -> None:
        """An agent that does not notice, one that shall not be left alone with it, and a flow that listens."""
        self.assertIs(self.program(VOICED + "agents: {toy: {agent: toy}}").hearing, self.hearing)
        agents = "agents: {toy: {agent: toy, deaf: false, barge_in: local}}"
        self.assertIs(self.program(VOICED + agents).hearing, self.hearing)
        (self.directory / "flows" / "hello.yaml").write_text(HELLO + '    - say: {text: "Hi.", barge_in: speech}\n')
        self.assertIs(self.program().hearing, self.hearing)

    def test_not_to_be_had(self) -> None:
        """On a machine without ears the operator reads who needs them, and how to do without."""
        self.assertEqual(
            self.fault(VOICED + "agents: {toy: {agent: toy}}", hears=False),
            "voiced.yaml:14:10: agent 'toy' leaves it to us to hear that it is interrupted "
            f"(`barge_in: none`: nobody does): {NO_EARS}",
        )
        (self.directory / "flows" / "hello.yaml").write_text(HELLO + '    - say: {text: "Hi.", barge_in: speech}\n')
        self.assertEqual(self.fault(hears=False), f"flows:1:1: flow 'hello' listens while it speaks: {NO_EARS}")

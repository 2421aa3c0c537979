"""Every agent of ours keeps what IAgent promises: both vendors' with doubles, and the local one with either brain."""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests import agent_schema, openai_schema
from voiced.agents import elevenlabs, local, openai
from voiced.agents.brains.chat import Chat
from voiced.agents.brains.rules import Rule
from voiced.agents.local import Brain
from voiced.call.audio import silence
from voiced.call.template import Template
from voiced.errors import RecognitionFailed
from voiced.ivoiced import Brief, Outcome, ToolResult
from voiced.secret import Secret
from voiced.simulator.elevenlabs import AGENT_ID, ElevenLabs
from voiced.simulator.elevenlabs import API_KEY as ELEVENLABS_KEY
from voiced.simulator.memory import MemoryNetwork, elapse, tell_autobahn
from voiced.simulator.openai import API_KEY as OPENAI_KEY
from voiced.simulator.openai import Call, ChatReply, OpenAI, Reply
from voiced.testing.contracts import AgentContract
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fake_toolbox import FakeToolbox
from voiced.testing.fakes import FakeTools, spell

ELEVENLABS, OPENAI = "api.elevenlabs.io", "api.openai.com"
TURN_OVER = silence(1.2)


class InMemory(AgentContract):
    """The vendor lives in a network in memory, on the test's clock."""

    def house(self):
        """A new clock and network, and what the daemon gives a plugin."""
        self.clock = Clock()
        self.addCleanup(tell_autobahn(self.clock))
        self.network = MemoryNetwork(self.clock)
        tools = FakeTools(self.clock, http=self.network.http())
        return attrs.evolve(tools, endpoint=lambda url: self.network.endpoint(urlsplit(url).hostname))

    def advance(self, seconds):
        elapse(self.clock, seconds)


class ElevenLabsContract(InMemory, SynchronousTestCase):
    """ElevenLabs Agents."""

    def make_agent(self):
        tools = self.house()
        self.vendor = ElevenLabs(self.clock, public_url=f"wss://{ELEVENLABS}", check=agent_schema.documented)
        self.network.listen(ELEVENLABS, self.vendor.site())
        settings = elevenlabs.Settings(agent_id=AGENT_ID, api_key=Secret(ELEVENLABS_KEY))
        return elevenlabs.make(settings, tools)

    def agent_speaks(self):
        self.vendor.conversations[-1].says("Hello, caller.", pieces=4, pace=0.1)

    def agent_ends(self):
        self.vendor.conversations[-1].ends()

    def break_agent(self):
        self.vendor.conversations[-1].drops()

    def test_ends_when_all_was_heard(self):
        """A conversation also ends whose last words were heard exactly to a mark, or had no sound."""
        for audio in (b"\x10" * 2400, b""):
            self._begin()
            self._pass(1)
            self.vendor.conversations[-1].says("Hello.", audio=audio)
            self._pass(1)
            self.vendor.conversations[-1].ends()
            self._pass(2)
            self.assertEqual(self.flushLoggedErrors(), [])
            self.assertEqual(self.successResultOf(self.talking).name, "completed")

    def left_open(self):
        open_ = [talk for talk in self.vendor.conversations if talk.closed is None]
        return len(open_) + len(self.network.connections(ELEVENLABS))


class OpenAIContract(InMemory, SynchronousTestCase):
    """OpenAI Realtime."""

    def make_agent(self):
        tools = self.house()
        self.vendor = OpenAI(self.clock, check=openai_schema.documented)
        self.network.listen(OPENAI, self.vendor.site())
        return openai.make(openai.Settings(Secret(OPENAI_KEY)), tools)

    def agent_speaks(self):
        self.vendor.sessions[-1].replies_with(Reply("Hello, caller.", pieces=4, pace=0.1))

    def agent_ends(self):
        self.vendor.sessions[-1].closes(1000)

    def break_agent(self):
        self.vendor.sessions[-1].drops()

    def left_open(self):
        open_ = [talk for talk in self.vendor.sessions if talk.closed is None]
        return len(open_) + len(self.network.connections(OPENAI))


class RulesContract(AgentContract, SynchronousTestCase):
    """The local agent, thinking by rules."""

    def make_agent(self):
        self.clock = Clock()
        self.hearing = FakeHearing(self.clock, delay=0.05)
        rules = (
            Rule(when="breakfast", say=Template.parse("From seven to ten. On the terrace.")),
            Rule(when="goodbye", say=Template.parse("Goodbye."), then="end"),
        )
        settings = local.Settings(Brain(rules), first_message=Template.parse("Good day."))
        return local.make(settings, FakeTools(self.clock, hearing=self.hearing))

    def agent_speaks(self):
        self.line.caller_says(spell("breakfast") + TURN_OVER)

    def agent_ends(self):
        self.line.caller_says(spell("goodbye") + TURN_OVER)

    def break_agent(self):
        self.hearing.fail_with = RecognitionFailed("it broke")
        self.line.caller_says(spell("breakfast") + TURN_OVER)


class ChatContract(InMemory, SynchronousTestCase):
    """The local agent, with a language model that thinks."""

    brief = Brief(tools=FakeToolbox(hang_up=ToolResult("Done.", leave=Outcome("hung_up"))))

    def make_agent(self):
        tools = self.house()
        self.vendor = OpenAI(self.clock)
        self.network.listen(OPENAI, self.vendor.site())
        self.vendor.chat.expect(*[ChatReply("From seven to ten. On the terrace.", pace=0.02)] * 5)
        self.hearing = FakeHearing(self.clock, delay=0.05)
        chat = Chat("gpt", f"http://{OPENAI}/v1", Secret(OPENAI_KEY))
        settings = local.Settings(Brain(chat=chat), first_message=Template.parse("Good day."))
        return local.make(settings, attrs.evolve(tools, hearing=lambda: self.hearing))

    def agent_speaks(self):
        self.line.caller_says(spell("breakfast") + TURN_OVER)

    def agent_ends(self):
        self.vendor.chat.replies.clear()
        self.vendor.chat.expect(ChatReply("Goodbye.", calls=[Call("hang_up")]))
        self.line.caller_says(spell("that is all") + TURN_OVER)

    def break_agent(self):
        self.vendor.chat.weather.fail(500, times=9)
        self.line.caller_says(spell("breakfast") + TURN_OVER)

    def left_open(self):
        return len(self.network.connections(OPENAI))

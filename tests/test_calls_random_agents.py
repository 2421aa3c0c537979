"""Calls with an agent to which anything may happen, in any order: each ends, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from urllib.parse import urlsplit

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from tests import agent_schema, openai_schema
from tests.agents import FakeTool
from tests.house import NUMBER, House, flow, say
from voiced.agents import elevenlabs, openai
from voiced.agents.tools import opt_out
from voiced.call.optout import OptOut
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.handover import Agent
from voiced.call.steps.routing import Choose
from voiced.call.template import Template
from voiced.errors import ToolFailed
from voiced.ivoiced import IAgent, Outcome, ToolResult
from voiced.secret import Secret
from voiced.simulator.elevenlabs import AGENT_ID, ElevenLabs
from voiced.simulator.elevenlabs import API_KEY as ELEVENLABS_KEY
from voiced.simulator.openai import API_KEY as OPENAI_KEY
from voiced.simulator.openai import Call, Model, OpenAI, Reply
from voiced.simulator.vendors.elevenlabs_agent import Agent as Hosted
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import FakeTools, spell

EXAMPLES = 10
ENDINGS = {ending.value for ending in Ending} - {Ending.BUG.value}
TEXTS = ("Hello.", "one two three", "A longer sentence.", "", "Stop calling me!")
LATE = (0.0, 0.0, 0.3, 2.5, None)
AGENT_ACTS = ("says", "says_slowly", "interrupts", "hears", "good", "broken", "slow", "leaves", "unknown",
              "ends", "crashes", "drops", "stalls", "deaf", "garbage", "nonsense", "opt_out")  # fmt: skip
OTHER_ACTS = ("speaks", "coughs", "press", "hang_up", "drop", "drain", "cut", "swallow", "ring",
              "opts_out")  # fmt: skip
TIMES = {"turn": 0, "moment": 0.07, "third": 0.3, "second": 1.1, "twelve": 12.0}
ACTION = st.sampled_from((*["says", "hears"] * 4, *AGENT_ACTS, *OTHER_ACTS, *[*TIMES] * 4))
CROSSED = {"conversation_already_has_active_response", "response_cancel_not_active"}
"""What OpenAI complains of when its message and ours have crossed."""
GARBAGE = ("no JSON", '{"type": 3}', "[]", b"\xff\x00", '{"type": "audio"}', '{"type": "response.done"}')


class NeverDone(FakeTool):
    """A tool that gives no answer."""

    def run(self, call, arguments):
        """See IAgentTool."""
        return Deferred()


def orders(test: Callable[..., None]) -> Callable[..., None]:
    """Random orders of events, for `happens`."""
    drawn = given(st.lists(ACTION, max_size=16), st.sampled_from(LATE), st.booleans(), st.integers(0, 3))
    return settings(max_examples=EXAMPLES)(drawn(test))


class RandomAgentCalls:
    """What no order of events may do; a mixin for a House with a vendor."""

    host: str

    def happens(self, acts: list[str], late: float | None, own_ears: bool, first: int) -> None:
        """Whatever happens: each call ends in a way that has a name, and no timer, socket, session or error stays."""
        House.setUp(self)
        self.numbers = count(first)
        self.move_in(late, own_ears)
        for act in ["ring", "second", *acts]:
            getattr(self, act, self.time_passes)(act)
        self.passes(60)
        self.passes(0)
        self.assertEqual([call.sid for call in self.carrier.calls.values() if not call.over], [])
        self.assertEqual([talk.id for talk in self.talks() if talk.closed is None], [])
        self.assertEqual(self.network.connections(self.host), [])
        House.tearDown(self)
        ended = [line["ending"] for line in self.journal.lines if line["event"] == "ended"]
        self.assertLessEqual(set(ended), ENDINGS)
        self.assertEqual(len(ended), len({line["call"] for line in self.journal.lines}))
        self.consent_is_kept()
        self.assertEqual(self.flushLoggedErrors(), [])
        self.no_complaints()

    def consent_is_kept(self) -> None:
        """Whoever has opted out is on the list, and no agent has talked to anybody who was not told so."""
        ended = [line for line in self.journal.lines if line["event"] == "ended"]
        opted_out = [line for line in ended if line["opted_out"] is not None]
        self.assertEqual(len([kind for kind, _ in self.guard.asked if kind == "opt_out"]), len(opted_out))
        for line in ended:
            known = any(told["heard"] for told in line["disclosures"])
            self.assertTrue(known or not line["agents"], line)

    def tearDown(self) -> None:
        """Each example has swept up behind itself."""

    def move_in(self, late: float | None, own_ears: bool) -> None:
        """A daemon, and the vendor's double."""
        tools = {
            "good": FakeTool(ToolResult("Sunny.")),
            "broken": FakeTool(ToolFailed("no weather")),
            "slow": NeverDone(None, timeout=2.0),
            "opt_out": opt_out.make(opt_out.Settings(), FakeTools(self.clock)),
            "leaves": FakeTool(ToolResult("Go.", leave=Outcome("hung_up"))),
        }
        equipment = attrs.evolve(
            FakeTools(self.clock, http=self.network.http()),
            endpoint=lambda url: self.network.endpoint(urlsplit(url).hostname),
        )
        agent = self.make_agent(equipment, late)
        nodes = {"start": [say("Hi."), Agent("it", fallback=Template.parse("Nobody.")),
                           Choose("agent.outcome", {"failed": "sorry"}, "bye")],
                 "sorry": [say("Sorry.")], "bye": [say("Bye.")]}  # fmt: skip
        self.ears = FakeHearing(self.clock, delay=0.05)
        colleague = Colleague(agent, tools, "local" if own_ears else "auto")
        consent = {"disclose": Template.parse("AI."), "opt_out": OptOut("7", ("stop calling",))}
        self.lives_in(flow(nodes, **consent), agents={"it": colleague}, hearing=self.ears)

    def make_agent(self, equipment: object, late: float | None) -> IAgent:
        """The vendor moves in; its agents are there so late."""
        raise NotImplementedError

    def talks(self) -> list:
        """All conversations, as the vendor has them."""
        raise NotImplementedError

    def no_complaints(self) -> None:
        """The vendor has understood all that it was told."""

    @property
    def talk(self) -> object:
        """The last conversation; something that takes everything, while there is none."""
        return self.talks()[-1] if self.talks() else Nobody()

    @property
    def call(self) -> object:
        """The call that rang last."""
        return list(self.carrier.calls.values())[-1]

    @property
    def text(self) -> str:
        """Something to say."""
        return TEXTS[next(self.numbers) % len(TEXTS)]

    # What happens

    def time_passes(self, act: str) -> None:
        self.passes(TIMES[act])

    def ring(self, _: str) -> None:
        self.carrier.ring(NUMBER)
        self.passes(0)

    def speaks(self, _: str) -> None:
        self.call.speak(spell("stop it now please"))

    def coughs(self, _: str) -> None:
        self.ears.texts = ["", ""]
        self.call.speak(b"\x10" * 1200)

    def press(self, _: str) -> None:
        self.call.press("5")

    def opts_out(self, _: str) -> None:
        self.call.press("7")

    def hang_up(self, _: str) -> None:
        self.call.hang_up()

    def drop(self, _: str) -> None:
        self.carrier.drop_stream(self.call)

    def drain(self, _: str) -> None:
        self.daemon.drain()

    def cut(self, _: str) -> None:
        self.network.cut(self.host)

    def swallow(self, _: str) -> None:
        self.network.swallow(self.host)

    def garbage(self, _: str) -> None:
        self.talk.sends(GARBAGE[next(self.numbers) % len(GARBAGE)])

    def nonsense(self, _: str) -> None:
        self.talk.sends('{"type": "brand_new"}')

    def drops(self, _: str) -> None:
        self.talk.drops()

    def stalls(self, _: str) -> None:
        self.talk.stalls()

    def deaf(self, _: str) -> None:
        self.talk.stalls(deaf=True)

    def good(self, tool: str) -> None:
        self.uses(tool)

    broken = slow = leaves = unknown = opt_out = good


class Nobody:
    """A conversation that there is not."""

    closed = active = True

    def __getattr__(self, name: str) -> object:
        return lambda *arguments, **more: None


class RandomElevenLabs(RandomAgentCalls, House):
    """With ElevenLabs."""

    host = "api.elevenlabs.io"

    @orders
    def test_nothing_is_left(self, acts, late, own_ears, first):
        """Whatever happens: the call ends in a way that has a name, and nothing stays."""
        self.happens(acts, late, own_ears, first)

    def make_agent(self, equipment, late):
        self.vendor = ElevenLabs(self.clock, public_url=f"wss://{self.host}", check=agent_schema.documented)
        self.vendor.agent = Hosted(metadata_after=late)
        self.network.listen(self.host, self.vendor.site())
        settings = elevenlabs.Settings(agent_id=AGENT_ID, api_key=Secret(ELEVENLABS_KEY))
        return elevenlabs.make(settings, equipment)

    def talks(self):
        return self.vendor.conversations

    def no_complaints(self):
        self.assertEqual([talk.bad for talk in self.talks() if talk.bad is not None], [])

    def says(self, _):
        self.talk.says(self.text)

    def says_slowly(self, _):
        self.talk.says(self.text, pieces=3, pace=0.2, text_first=False)

    def interrupts(self, _):
        self.talk.interrupts()

    def hears(self, _):
        self.talk.hears(self.text)

    def uses(self, tool):
        self.talk.calls_tool(tool, {"city": "Rome"})

    def ends(self, _):
        self.talk.ends()

    def crashes(self, _):
        self.talk.fails()


class RandomOpenAI(RandomAgentCalls, House):
    """With OpenAI."""

    host = "api.openai.com"

    @orders
    def test_nothing_is_left(self, acts, late, own_ears, first):
        """Whatever happens: the call ends in a way that has a name, and nothing stays."""
        self.happens(acts, late, own_ears, first)

    def make_agent(self, equipment, late):
        self.vendor = OpenAI(self.clock, check=openai_schema.documented)
        self.vendor.model = Model(updated_after=late)
        self.network.listen(self.host, self.vendor.site())
        return openai.make(openai.Settings(Secret(OPENAI_KEY)), equipment)

    def talks(self):
        return self.vendor.sessions

    def no_complaints(self):
        faults = {fault.code for talk in self.talks() for fault in talk.faults}
        self.assertLessEqual(faults, CROSSED)

    def replies(self, reply):
        """The model makes a response, unless it makes one."""
        if self.talk.active is None:
            self.talk.replies_with(reply)

    def says(self, _):
        self.replies(Reply(self.text))

    def says_slowly(self, _):
        self.replies(Reply(self.text, pieces=3, pace=0.2))

    def interrupts(self, _):
        self.talk.speech_started()

    def hears(self, _):
        if self.talks():
            self.talk.replies.append(Reply(self.text))
        self.talk.hears("Well?", late=bool(next(self.numbers) % 2))

    def uses(self, tool):
        self.replies(Reply(self.text, calls=[Call(tool, {"city": "Rome"})]))

    def ends(self, _):
        self.talk.closes(1000)

    def crashes(self, _):
        self.talk.closes(1011)

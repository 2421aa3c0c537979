"""voiced.yaml's `tools:`, and the agents that use them."""

from __future__ import annotations

from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from tests.test_settings_daemon import REGISTRY, DaemonCase, edited
from voiced.agents.tools.http import Http
from voiced.agents.tools.parameters import Parameter
from voiced.agents.tools.transfer import Transfer
from voiced.errors import VoicedError
from voiced.ivoiced import IAgentTool
from voiced.maker import Maker
from voiced.settings.chosen import READY_TOOLS, ChosenAgent, agents, tools
from voiced.settings.part import Part
from voiced.settings.plainyaml import parse
from voiced.settings.registry import Found, Registry
from voiced.testing.fakes import FakeTools

BLOCK = """\
tools:
  put_through: {tool: transfer_call, to: {sales: "+14155550100", support: "+1 415 555 0101"}, description: Ask.}
  weather:
    tool: http
    description: "Today's weather in a city."
    url: "https://weather.example.com/v1/{city}?key=${KEY}"
    method: GET
    parameters: {city: {description: "The city's name."}, days: {type: integer, enum: [1, 2], required: false}}
    headers: {Authorization: "Bearer ${KEY}"}
    timeout: 3
agents:
  sales: {agent: toy, pitch: 2, tools: [hang_up, put_through, weather], barge_in: local}
  plain: {agent: toy}
"""
AGENT = "  sales: {agent: toy, pitch: 2, tools: [hang_up, put_through, weather], barge_in: local}"
WEATHER = "  weather:"
URL = '    url: "https://weather.example.com/v1/{city}?key=${KEY}"'
INSIDE = "`url` points inside, to this machine or its own network: allow it (allow_private: true)"
NO_NAME = "is no tool's name: at most 64 letters, digits, `_` and `-`"
NO_WEATHER = "no tool is called 'weather'; did you mean 'the weather'?"
NO_TYPE = "'object' is not a choice; there are: boolean, integer, number, string"
TOOLS = "hang_up, opt_out, put_through, send_dtmf, transfer_call, weather"

BROKEN = [
    (
        AGENT,
        "  sales: {agent: toy, tools: [hangup]}",
        "19:31: agents.sales.tools.1: no tool is called 'hangup'; did you mean 'hang_up'?",
    ),
    (
        AGENT,
        "  sales: {agent: toy, tools: [x]}",
        f"19:31: agents.sales.tools.1: no tool is called 'x'; there are: {TOOLS}",
    ),
    (
        AGENT,
        "  sales: {agent: toy, tools: [hang_up, hang_up]}",
        "19:40: agents.sales.tools.2: the tool 'hang_up' is here twice: take one away",
    ),
    (
        AGENT,
        "  sales: {agent: toy, tools: hang_up}",
        "19:30: agents.sales.tools: expects a list, each entry on a line that begins with `- `, not 'hang_up'",
    ),
    (
        AGENT,
        "  sales: {agent: toy, tools: [{a: b}]}",
        "19:31: agents.sales.tools.1: expects text, and `{` or `[` is syntax: put the text in quotes",
    ),
    (
        AGENT,
        "  sales: {agent: toy, barge_in: vendor}",
        "19:33: agents.sales.barge_in: 'vendor' is not a choice; there are: auto, local, none",
    ),
    (
        AGENT,
        "  sales: {agent: toy, tool: x}",
        "19:23: agents.sales: there is no setting 'tool' here; did you mean 'tools'?",
    ),
    (
        AGENT,
        "  sales: {tools: [hang_up]}",
        "19:3: agents.sales: the setting 'agent' is missing; installed: elevenlabs, local, openai, toy",
    ),
    (
        WEATHER,
        "  the weather:",
        f"10:3: tools.the weather: 'the weather' {NO_NAME}|19:63: agents.sales.tools.3: {NO_WEATHER}",
    ),
    (
        "    tool: http",
        "    tool: htp",
        "11:11: tools.weather.tool: no tool 'htp' is installed; did you mean 'http'?",
    ),
    (URL, '    url: "https://10.0.0.1/{city}"', f"13:10: tools.weather: {INSIDE}"),
    (
        URL,
        '    url: "https://localhost:${KEY}/{city}"',
        "13:10: tools.weather: `url` must be like https://host.example/path; only path and query may have a {name}",
    ),
    (
        "    method: GET",
        "    method: HEAD",
        "14:13: tools.weather.method: 'HEAD' is not a choice; there are: DELETE, GET, PATCH, POST, PUT",
    ),
    ("    timeout: 3", "    timeout: 31", "17:14: tools.weather.timeout: must be at most 30, not '31'"),
    (
        "    parameters:",
        "    parameters: {city: {type: object}}",
        f"15:31: tools.weather.parameters.city.type: {NO_TYPE}",
    ),
    (
        "    headers:",
        "    headers: {Host: '${KEY}'}",
        "16:15: tools.weather: `headers`: 'Host' is no header that can be set",
    ),
    (
        "  put_through:",
        "  put_through: {tool: transfer_call, to: {sales: 911}}",
        '9:38: tools.put_through: `to`: each number begins with + and its country, like "+14155550123"',
    ),
]


def edit(line, instead):
    """BLOCK with the line that begins so replaced."""
    return "\n".join(instead if each.startswith(line) else each for each in BLOCK.splitlines())


def made_tools(settings):
    """Every tool that an agent may have."""
    return {name: chosen.make(FakeTools(Clock())) for name, chosen in settings.tools.items()}


class ToolSettingsTests(DaemonCase):
    """The blocks `tools:` and `agents:`."""

    def test_good(self):
        """Tools have their settings, and agents the names of what they may use."""
        settings = self.settings({"+": BLOCK})
        self.assertEqual(list(settings.tools), ["put_through", "weather", "hang_up"])
        weather = settings.tools["weather"].settings
        self.assertEqual(weather.url, "https://weather.example.com/v1/{city}?key=the-key")
        self.assertEqual(weather.headers["Authorization"].reveal(), "Bearer the-key")
        days = Parameter(type="integer", enum=("1", "2"), required=False)
        self.assertEqual(weather.parameters, {"city": Parameter("The city's name."), "days": days})
        agent = settings.agents["sales"]
        self.assertIsInstance(agent, ChosenAgent)
        self.assertEqual(agent.tools, ("hang_up", "put_through", "weather"))
        self.assertEqual((agent.barge_in, agent.settings.pitch), ("local", 2.0))
        self.assertEqual((settings.agents["plain"].tools, settings.agents["plain"].barge_in), ((), "auto"))

    def test_made(self):
        """Each is made, with the names that agents know."""
        made = made_tools(self.settings({"+": BLOCK}))
        for tool in made.values():
            verifyObject(IAgentTool, tool)
        self.assertIsInstance(made["weather"], Http)
        self.assertEqual(made["put_through"], Transfer("Ask.", {"sales": "+14155550100", "support": "+14155550101"}))
        self.assertEqual(sorted(made), ["hang_up", "put_through", "weather"])

    def test_without_declaring(self):
        """The built-in tools are there for who names them, and for nobody else; a block of that name comes first."""
        settings = self.settings({"+": f"agents: {{a: {{agent: toy, tools: [{', '.join(READY_TOOLS)}]}}}}"})
        self.assertEqual(list(made_tools(settings)), list(READY_TOOLS))
        self.assertEqual(self.settings({}).tools, {})
        block = "tools: {hang_up: {tool: hang_up, description: Now.}}\nagents: {a: {agent: toy, tools: [hang_up]}}"
        settings = self.settings({"+": block})
        self.assertEqual(made_tools(settings)["hang_up"].description, "Now.")

    def test_broken(self):
        """Whatever is wrong is said once, in its place, with what to do."""
        self.maxDiff = None
        for line, instead, faults in BROKEN:
            self.assertEqual(
                sorted(self.faults(edited({"+": edit(line, instead)}))), sorted(faults.split("|")), instead
            )

    def test_no_mappings(self):
        """Blocks that are none are said to be so once."""
        for name in ("tools", "agents"):
            sentence = f"8:{len(name) + 3}: {name}: expects settings (`name: value`) below it, not 'x'"
            self.assertEqual(self.faults(edited({"+": f"{name}: x"})), [sentence])

    def test_no_secret_is_shown(self):
        """Neither in a sentence nor in the repr of what was read."""
        self.assertNotIn("the-key", repr(self.configuration(edited({"+": BLOCK}))))
        for block in (
            "tools: {{a: {{tool: http, description: x, url: '{0}'}}}}",
            "tools: {{a: {{tool: http, description: x, url: 'https://{0}', method: '{0}'}}}}",
            "tools: {{a: {{tool: http, description: x, url: 'https://x.example', headers: {{X: '{0} '}}}}}}",
            "tools: {{a: {{tool: transfer_call, to: {{'{0}': '{0}'}}}}}}",
            "tools: {{a: {{tool: http, description: x, url: x, parameters: {{a: {{enum: ['{0}', '{0}']}}}}}}}}",
            "agents: {{a: {{agent: toy, tools: ['{0}'], barge_in: '{0}'}}}}",
        ):
            faults = self.faults(edited({"+": block.format("${KEY}")}))
            self.assertTrue(faults)
            self.assertNotIn("the-key", str(faults))

    def test_tool_that_cannot_be_had(self):
        """A built-in tool that somebody else's plugin hides is a fault where the agent names it."""
        twice = Registry((*REGISTRY.found, Found(Maker("tool", "hang_up", "Mine", "x"), "acme")))
        part = Part(parse("agents: {a: {agent: toy, tools: [hang_up]}}", "voiced.yaml"))
        self.assertEqual(list(agents(part["agents"], part["tools"], part["voices"], twice)), ["a"])
        self.assertEqual(tools(part["tools"], part["agents"], twice), {})
        self.assertIn("1:34: agents.a.tools.1: the tool 'hang_up' is installed more than once", str(part.faults[0]))

    def test_tool_that_cannot_be_made(self):
        """A tool that says it cannot be made here is a fault of its block."""

        def fail(*_):
            raise VoicedError("no weather here")

        chosen = self.settings({"+": BLOCK}).tools["weather"]
        object.__setattr__(chosen, "maker", fail)
        self.assertIn("10:3: no weather here", str(self.assertRaises(VoicedError, chosen.make, FakeTools(Clock()))))

"""What people copy: the examples, the blocks of the documentation, what is commented out in config/voiced.yaml."""

from __future__ import annotations

import ast
import importlib
import json
import re
import sys
from itertools import chain
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

import voiced.plugins
from voiced.api import wishes
from voiced.call.audio import wav
from voiced.call.program import Program
from voiced.guard.rules import Inbound, Outbound
from voiced.ivoiced import Brief, IStep, ITTSEngine, Outcome
from voiced.settings.load import Configuration, build_program, read
from voiced.settings.registry import Registry
from voiced.testing.contracts import AgentContract, AgentToolContract
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fake_line import FakeLine
from voiced.testing.fakes import FakeTools, spell

ROOT = Path(voiced.__file__).parent.parent
PAGE, OUTBOUND, SECURITY = (
    (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("agents", "outbound", "security")
)
README = (ROOT / "README.md").read_text("utf-8")
NAME = re.compile(r"\$\{([A-Z][A-Z_]*)\}")
REST = """\
public_url: https://voice.example.com
twilio: {account_sid: "${TWILIO_ACCOUNT_SID}", auth_token: "${TWILIO_AUTH_TOKEN}"}
voices: {spare: {engine: local}}
numbers: {default: main}
"""
"""What a block of the documentation stands beside."""
FLOW = "flow: main\nstart: a\nnodes: {a: [hangup]}\n"


def blocks(page: str, language: str) -> list[str]:
    """The blocks of code in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


def environment(*texts: str) -> dict[str, str]:
    """A value for every variable that these files need."""
    names = chain.from_iterable(map(NAME.findall, texts))
    return {**dict.fromkeys(names, "pretended"), "TWILIO_ACCOUNT_SID": "AC" + "0" * 32}


class NamedTests(SynchronousTestCase):
    """docs/faults.md and docs/security.md."""

    def test_names(self) -> None:
        """Every test that a page names is there; one that begins with a dot stands beside the one before it."""
        names = re.findall(r"`((?:tests)?\.\w+(?:\.\w+)*)`", (ROOT / "docs" / "faults.md").read_text("utf-8"))
        self.assertGreater(len(names), 90)
        names += re.findall(r"`((?:tests)?\.\w+(?:\.\w+)*)`", SECURITY)
        self.assertGreater(len(names), 200)
        last: list[str] = []
        for name in names:
            parts = name.split(".")
            if not parts[0]:
                parts = last[: 2 if parts[1][0].isupper() else 3] + parts[1:]
            found: Any = importlib.import_module(".".join(parts[:2]))
            for part in parts[2:]:
                found = getattr(found, part)
            last = parts


class FilesCase(SynchronousTestCase):
    """Test cases that write files."""

    def setUp(self) -> None:
        """A directory for them."""
        self.directory = Path(self.mktemp()).absolute()

    def write(self, name: str, text: str) -> Path:
        """A file in it."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path


class YamlCase(FilesCase):
    """Test cases that read settings. Whatever is wrong in them raises ConfigError, which says where."""

    def setUp(self) -> None:
        """One flow."""
        super().setUp()
        self.write("flows/main.yaml", FLOW)

    def made(self, configuration: Configuration) -> Program:
        """The program: every plugin can be made of what it was given."""
        clock = Clock()
        tools = FakeTools(clock, directory=self.directory, hearing=FakeHearing(clock))
        return build_program(configuration, tools)


class ExampleTests(YamlCase):
    """`examples/` and `config/`."""

    def test_examples(self) -> None:
        """Each is good, and can be made."""
        files = sorted((ROOT / "examples").glob("*/voiced.yaml"))
        self.assertIn("assistant", [file.parent.name for file in files])
        for file in files:
            self.made(read(file, environment(file.read_text("utf-8"))))

    def test_commented_out(self) -> None:
        """What is commented out in the shipped settings, block by block, is good as soon as it is uncommented."""
        shipped = (ROOT / "config" / "voiced.yaml").read_text("utf-8")
        names = "agents|tools|lookups|outbound|inbound"
        parts = re.findall(rf"^# (?:{names}):\n(?:#  .*\n)+", shipped, re.MULTILINE)
        uncommented = re.sub("^# ", "", "".join(parts), flags=re.MULTILINE)
        text = (shipped + uncommented).replace("hello", "main")
        settings = read(self.write("voiced.yaml", text), environment(text)).settings
        self.assertEqual(len(parts), 5)
        self.assertEqual({chosen.plugin for chosen in settings.agents.values()}, {"elevenlabs", "openai", "local"})
        for name in ("calls_per_minute", "calls_per_day", "per_destination_per_day", "timeout", "max_seconds"):
            self.assertEqual(getattr(settings.outbound, name), getattr(Outbound(), name), "a comment says otherwise")
        self.assertEqual(settings.inbound.max_seconds, Inbound().max_seconds)
        for name in ("calls_at_once", "calls_per_day", "agent_minutes_per_day"):
            self.assertEqual(getattr(settings.inbound, name).most, getattr(Inbound(), name).most)


class PageTests(YamlCase):
    """docs/agents.md, and the sentences of docs/outbound.md."""

    def test_settings(self) -> None:
        """Each block of settings is good beside the rest of a voiced.yaml; all agents can be made."""
        settings = [block for block in blocks(PAGE, "yaml") if block.startswith("# voiced.yaml")]
        self.assertGreaterEqual(len(settings), 6)
        for block in settings:
            text = REST + block
            self.made(read(self.write("voiced.yaml", text), environment(text)))

    def test_flows(self) -> None:
        """Each flow is good beside the first block of settings."""
        settings, *others = blocks(PAGE, "yaml")
        flows = [block for block in others if block.startswith("# flows/")]
        for number, block in enumerate(flows):
            self.write(f"flows/{number}.yaml", block)
        text = REST + settings
        found = read(self.write("voiced.yaml", text), environment(text)).flows
        self.assertEqual(len(found), len(flows) + 1)

    def test_sentences(self) -> None:
        """What the page says that voiced says, voiced says: each sentence stands in its sources."""
        trees = (ast.parse(file.read_text("utf-8")) for file in (ROOT / "voiced").rglob("*.py"))
        nodes = chain.from_iterable(map(ast.walk, trees))
        said = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
        quoted = re.findall("“(.+?)”", PAGE + OUTBOUND)
        self.assertGreater(len(quoted), 50)
        for sentence in quoted:
            varying = re.sub(r"\d+ (?=s\b|MiB)|\(code \d+\)|\(\d+\)|\([a-z_]+\)|\{variable\}", "…", sentence)
            for piece in varying.split("…"):
                self.assertTrue(any(piece.strip(" :") in text for text in said), f"nobody says {piece!r}")


class OutboundPageTests(YamlCase):
    """docs/outbound.md, and the settings of docs/security.md."""

    def test_flows(self) -> None:
        """Its flows are good beside its first settings, and all can be made."""
        settings = blocks(OUTBOUND, "yaml")[0]
        flows = [block for block in blocks(OUTBOUND, "yaml") if block.startswith("# flows/")]
        for number, block in enumerate(flows):
            self.write(f"flows/{number}.yaml", block)
        text = REST + settings
        configuration = read(self.write("voiced.yaml", text), {**environment(text), "VOICED_API_KEY": "k" * 32})
        self.assertEqual(set(configuration.flows), {"main", "outreach", "reminder", "desk", "renewal"})
        self.made(configuration)

    def test_settings(self) -> None:
        """Each block of settings is good beside the rest of a voiced.yaml."""
        pages = blocks(OUTBOUND, "yaml") + blocks(SECURITY, "yaml")
        settings = [block for block in pages if block.startswith("# voiced.yaml")]
        self.assertEqual(len(settings), 4)
        for name in ("outreach", "reminder", "front_desk"):
            self.write(f"flows/{name}.yaml", FLOW.replace("main", name))
        for block in settings:
            text = REST + block
            read(self.write("voiced.yaml", text), {**environment(text), "VOICED_API_KEY": "k" * 32})

    def test_requests(self) -> None:
        """What its commands send is what the API reads."""
        bodies = [json.loads(body) for body in re.findall(r"-d '({.+?})'", OUTBOUND)]
        self.assertEqual([wishes.wish(body, []).number for body in bodies if "number" in body], ["+14155550100"])
        self.assertEqual([wishes.dial(body).timeout for body in bodies if "to" in body], [20])

    def test_limits(self) -> None:
        """What its table says holds unless set, holds."""
        table = dict(re.findall(r"^\| `(\w+)` \|.*\| ([0-9]+) \|$", OUTBOUND.partition("## Limits")[2], re.MULTILINE))
        rules = Outbound()
        self.assertEqual(len(table), 7)
        self.assertEqual(
            {name: int(number) for name, number in table.items()}, {name: getattr(rules, name) for name in table}
        )


class Installed(FilesCase):
    """Test cases with the plugins of README.md, installed as they stand there."""

    def setUp(self) -> None:
        """Write its Python files, and put them on the path."""
        super().setUp()
        for block in blocks(README, "python"):
            self.write(block.partition("\n")[0].removeprefix("# "), block)
        self.patch(sys, "path", [str(self.directory), *sys.path])
        self.patch(voiced.plugins, "__path__", [*voiced.plugins.__path__, str(self.directory / "voiced" / "plugins")])
        importlib.invalidate_caches()
        self.addCleanup(self.forget)

    def forget(self) -> None:
        """Nobody has them in mind any more."""
        for name in [name for name in sys.modules if name.split(".")[0] == "acme" or name == "voiced.plugins.acme"]:
            del sys.modules[name]

    def load(self, kind: str, name: str) -> Any:
        """A plugin of README's, found as voiced finds it."""
        return Registry.find().load(kind, name)


class ReadmeTests(Installed):
    """README.md."""

    def test_yaml(self) -> None:
        """Its settings and its flow are good."""
        settings, flow = blocks(README, "yaml")
        for name in ("london", "hello"):
            self.write(f"flows/{name}.yaml", FLOW.replace("main", name))
        self.write("flows/reception.yaml", flow)
        (self.directory / "flows" / "jingle.wav").write_bytes(wav(spell("la la")))
        read(self.write("voiced.yaml", settings), environment(settings))

    def test_voice(self) -> None:
        """A voice."""
        plugin = self.load("voice", "acme")
        verifyObject(ITTSEngine, plugin.make(plugin.Settings(url="https://acme.test"), FakeTools(Clock())))

    def test_step(self) -> None:
        """A step."""
        verifyObject(IStep, self.load("step", "shout")(text="Fire!"))

    def test_echo(self) -> None:
        """The agent says back what it was told, until the key."""
        plugin, clock = self.load("agent", "echo"), Clock()
        line = FakeLine(clock)
        talk = plugin.make(plugin.Settings(), FakeTools(clock)).converse(line, FakeCall(clock=clock), Brief())
        line.caller_says(spell("Is anybody there?"))
        clock.pump([0.1] * 20)
        line.press("#")
        self.assertEqual(line.heard, spell("Is anybody there?")[: len(line.heard)])
        self.assertEqual(self.successResultOf(talk), Outcome("completed"))


class EchoContract(AgentContract, Installed):
    """README's agent."""

    def make_agent(self) -> Any:
        """As voiced makes it."""
        self.clock = Clock()
        plugin = self.load("agent", "echo")
        return plugin.make(plugin.Settings(), FakeTools(self.clock))

    def agent_speaks(self) -> None:
        """When it was spoken to."""
        self.line.caller_says(spell("Hello, is anybody there?"))

    def agent_ends(self) -> None:
        """When it was told to."""
        self.line.press("#")

    def test_fails(self) -> None:
        """It has no vendor that could."""


class CallBackContract(AgentToolContract, Installed):
    """README's tool."""

    arguments = {"why": "about the boat"}

    def make_tool(self) -> Any:
        """As voiced makes it."""
        self.clock = Clock()
        plugin = self.load("tool", "call_back")
        return plugin.make(plugin.Settings(), FakeTools(self.clock, directory=self.directory))

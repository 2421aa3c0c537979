"""What people copy: the examples, the blocks of the documentation, what is commented out in config/voiced.yaml."""

from __future__ import annotations

import ast
import importlib
import json
import re
import time
from base64 import b64encode
from itertools import chain
from pathlib import Path
from typing import Any

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

import voiced
from tests.beside import install
from voiced.api import wishes
from voiced.call.audio import wav
from voiced.call.program import Program
from voiced.guard.rules import Inbound, Outbound
from voiced.net.signature import Signature
from voiced.secret import Secret
from voiced.settings.load import Configuration, build_program, read
from voiced.testing.fake_call import INFO, FakeCall
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fakes import FakeTools, spell

ROOT = Path(voiced.__file__).parent.parent
PAGE, OUTBOUND, SECURITY, FLOWS = (
    (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("agents", "outbound", "security", "flows")
)
LOOKUPS = (ROOT / "docs" / "lookups.md").read_text("utf-8")
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
    known = {
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_PHONE_NUMBER": "+14155550123",
        "VOICED_HTTP_SECRET": "a secret of 24 bytes or more",
    }
    return {**dict.fromkeys(names, "pretended"), **known}


def anchors(page: Path) -> list[str]:
    """What the sections of a page are called in links."""
    if page.suffix != ".md":
        return []
    titles = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^```.*?^```", "", page.read_text("utf-8")))
    return [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]


class NamedTests(SynchronousTestCase):
    """What the pages name is there."""

    def test_links(self) -> None:
        """Every link of a page to another, or to a section, leads somewhere."""
        pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
        found = 0
        for page in pages:
            for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
                if "://" in target:
                    continue
                path, _, section = target.partition("#")
                leads = page.parent / path if path else page
                self.assertTrue(leads.exists(), f"{page.name} links to {target}")
                self.assertIn(section, ["", *anchors(leads)], f"{page.name} links to {target}")
                found += 1
        self.assertGreater(found, 50)

    def test_names(self) -> None:
        """Every test that a page names is there; one that begins with a dot stands beside the one before it."""
        names = re.findall(r"`((?:tests)?\.\w+(?:\.\w+)*)`", (ROOT / "docs" / "faults.md").read_text("utf-8"))
        self.assertGreater(len(names), 90)
        names += re.findall(r"`((?:tests)?\.\w+(?:\.\w+)*)`", SECURITY)
        self.assertGreater(len(names), 200)
        for page in ("operating", "service", "reloading", "measuring"):
            text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
            named = re.findall(r"`((?:tests)?\.\w+(?:\.\w+)*)`", text)
            self.assertGreater(len(named), 0, page)
            names += named
        last: list[str] = []
        for name in names:
            parts = name.split(".")
            if not parts[0]:
                parts = last[: 2 if parts[1][0].isupper() else 3] + parts[1:]
            found: Any = importlib.import_module(".".join(parts[:2]))
            for part in parts[2:]:
                found = getattr(found, part)
            last = parts


class SignatureTests(SynchronousTestCase):
    """How docs/security.md tells a web service's makers to look at signatures."""

    def test_recipe(self) -> None:
        """The recipe takes what we sign, and nothing that was changed on the way, or is old."""
        (recipe,) = blocks(SECURITY, "python")
        self.assertLessEqual(len(recipe.splitlines()), 9)
        known: dict[str, Any] = {}
        exec(recipe, known)  # noqa: S102 - our own page
        secret, body, now = "whsec_" + b64encode(b"x" * 32).decode(), b'{"rating": "5"}', int(time.time())
        signature = Signature.parse(Secret(secret))
        headers = signature.headers("5f0c", now, body)
        self.assertTrue(known["is_ours"](secret, headers, body))
        for changed in ({**headers, "webhook-id": "5f0d"}, {**headers, "webhook-signature": "v1,AAAA"}):
            self.assertFalse(known["is_ours"](secret, changed, body))
        self.assertFalse(known["is_ours"](secret, headers, body + b" "))
        self.assertFalse(known["is_ours"](secret, signature.headers("5f0c", now - 600, body), body))


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
        """Each is good, and can be made; the plugins of one lie beside it."""
        install(self, ROOT / "examples" / "acme", "acme_voiced")
        files = sorted((ROOT / "examples").glob("*/voiced.yaml"))
        self.assertEqual([file.parent.name for file in files], ["acme", "assistant"])
        for file in files:
            self.made(read(file, environment(file.read_text("utf-8"))))

    def test_lines(self) -> None:
        """Each line below config/flows is a house of its own: it is good, can be made, and has scenarios."""
        files = sorted((ROOT / "config" / "flows").glob("*/voiced.yaml"))
        self.assertEqual([file.parent.name for file in files], ["notice", "reminder", "restaurant", "support"])
        for file in files:
            text = file.read_text("utf-8")
            configuration = read(file, environment(text) | {"VOICED_API_KEY": "k" * 32})
            self.assertIn(file.parent.name, self.made(configuration).flows)
            self.assertTrue((file.parent / "tests" / f"{file.parent.name}.yaml").is_file())
            told = (ROOT / "docs" / "lines.md").read_text("utf-8")
            for name in re.findall(r"\$\{([A-Z_]+)[:}]", re.sub(r"(?m)#.*$", "", text)):
                self.assertTrue(f"`{name}`" in told or name in ("PORT", "STATE_DIRECTORY"), f"the page lacks {name}")

    def test_commented_out(self) -> None:
        """What is commented out in the shipped settings, block by block, is good as soon as it is uncommented."""
        shipped = (ROOT / "config" / "voiced.yaml").read_text("utf-8")
        names = "agents|tools|lookups|outbound|inbound|http"
        parts = re.findall(rf"^# (?:{names}):\n(?:#  .*\n)+", shipped, re.MULTILINE)
        uncommented = re.sub("^# ", "", "".join(parts), flags=re.MULTILINE)
        text = (shipped + uncommented).replace("hello", "main")
        settings = read(self.write("voiced.yaml", text), environment(text)).settings
        self.assertEqual(len(parts), 6)
        self.assertEqual({chosen.plugin for chosen in settings.agents.values()}, {"elevenlabs", "openai", "local"})
        caps = ("calls_per_minute", "calls_per_day", "per_destination_per_day", "timeout", "max_seconds")
        for name in (*caps, "texts_per_day", "texts_per_destination_per_day"):
            self.assertEqual(getattr(settings.outbound, name), getattr(Outbound(), name), "a comment says otherwise")
        self.assertEqual(settings.inbound.max_seconds, Inbound().max_seconds)
        for name in ("calls_at_once", "calls_per_day", "agent_minutes_per_day"):
            self.assertEqual(getattr(settings.inbound, name).most, getattr(Inbound(), name).most)


class PageTests(YamlCase):
    """docs/agents.md, and the sentences of docs/outbound.md and docs/lookups.md."""

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
        quoted = re.findall("“(.+?)”", PAGE + OUTBOUND + LOOKUPS)
        self.assertGreater(len(quoted), 50)
        for sentence in quoted:
            varying = re.sub(r"\d+ (?=s\b|MiB)|\(code \d+\)|\(\d+\)|\([a-z_]+\)|\{variable\}", "…", sentence)
            for piece in varying.split("…"):
                self.assertTrue(any(piece.strip(" :") in text for text in said), f"nobody says {piece!r}")


class LookupPageTests(YamlCase):
    """docs/lookups.md."""

    def setUp(self) -> None:
        """The files that its settings name."""
        super().setUp()
        (table,) = blocks(LOOKUPS, "csv")
        (team,) = (block for block in blocks(LOOKUPS, "yaml") if block.startswith("# team.yaml"))
        for name, text in (("customers.csv", table), ("partners.csv", "Phone,name\n"), ("team.yaml", team)):
            self.write(name, text)
        self.settings = [block for block in blocks(LOOKUPS, "yaml") if block.startswith("# voiced.yaml")]

    def test_settings(self) -> None:
        """Each block is good beside the rest of a voiced.yaml, and can be made where it needs no driver."""
        self.assertEqual(len(self.settings), 6)
        for block in self.settings:
            text = REST + block
            configuration = read(self.write("voiced.yaml", text), environment(text))
            if "postgresql" not in block:
                self.assertTrue(self.made(configuration).lookups)

    def test_files(self) -> None:
        """The tables say what the page says: they are found beside voiced.yaml, wherever the daemon was started."""
        (block,) = (block for block in self.settings if "customers.csv" in block)
        lookups = self.made(read(self.write("voiced.yaml", REST + block), environment(REST))).lookups
        ann, cy = {"name": "Ann", "Customer_tier": "gold"}, {"name": "Cy", "room": "7"}
        for name, caller, facts in (("customers", "+14155550100", ann), ("team", "+14155550101", cy)):
            call = FakeCall(info=attrs.evolve(INFO, caller=caller))
            self.assertEqual(self.successResultOf(lookups[name].lookup(call)), facts)

    def test_flow(self) -> None:
        """Its flow is good beside the first block."""
        (flow,) = (block for block in blocks(LOOKUPS, "yaml") if block.startswith("# flows/"))
        self.write("flows/reception.yaml", flow)
        found = read(self.write("voiced.yaml", REST + self.settings[0]), environment(REST)).flows
        self.assertIn("reception", found)


class FlowsPageTests(YamlCase):
    """docs/flows.md."""

    def test_flows(self) -> None:
        """Each of its files is good beside the others, and all can be made."""
        files = [block for block in blocks(FLOWS, "yaml") if block.startswith("# flows/")]
        self.assertEqual(len(files), len(blocks(FLOWS, "yaml")))
        for block in files:
            self.write(block.partition("\n")[0].removeprefix("# "), block)
        (self.directory / "flows" / "music.wav").write_bytes(wav(spell("la la")))
        text = REST + "voice: spare\nlookups: {crm: {lookup: table, callers: {}}}\n"
        configuration = read(self.write("voiced.yaml", text), environment(text))
        named = {block.partition("\n")[0].removeprefix("# flows/") for block in files}
        self.assertEqual(len(configuration.flows), 1 + len([name for name in named if "/" not in name]))
        self.assertEqual([str(fault) for fault in configuration.warnings if "no step and no" in str(fault)], [])
        self.made(configuration)

    def test_verbs(self) -> None:
        """Each step of its table has its section, and is used in a flow."""
        verbs = re.findall(r"^\| \[`(\w+)`\]\(#(.+?)\)", FLOWS, re.MULTILINE)
        self.assertGreaterEqual(len(verbs), 11)
        titles = re.findall(r"^## (.+)$", FLOWS, re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
        for verb, anchor in verbs:
            self.assertIn(anchor, anchors)
            self.assertIn(f"- {verb}", "".join(blocks(FLOWS, "yaml")))


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
        self.assertEqual(len(settings), 5)
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


class ReadmeTests(FilesCase):
    """README.md."""

    def test_yaml(self) -> None:
        """Its settings and its flow are good."""
        settings, flow = blocks(README, "yaml")
        for name in ("london", "hello"):
            self.write(f"flows/{name}.yaml", FLOW.replace("main", name))
        self.write("flows/reception.yaml", flow)
        (self.directory / "flows" / "jingle.wav").write_bytes(wav(spell("la la")))
        read(self.write("voiced.yaml", settings), environment(settings))

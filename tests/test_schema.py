"""The schemas for editors: what is shipped is right by them and up to date, what is broken is not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from twisted.trial.unittest import SynchronousTestCase

import voiced
from tests import yaml12
from tests.test_rehearsal_files import EVERYTHING
from tests.written_files import GOOD, cases, said_of
from voiced.call.template import Template
from voiced.cli import main
from voiced.cli.schema import FILES, SCHEMAS, text_of
from voiced.errors import ConfigError
from voiced.maker import Maker
from voiced.rehearsal.rehearse import configured
from voiced.rehearsal.scenariofile import parsed
from voiced.rehearsal.writing import to_yaml
from voiced.settings import plainyaml
from voiced.settings.daemon import NEEDING_A_LOOK, Plain
from voiced.settings.registry import Found, Registry
from voiced.settings.schema.flowfiles import flow_schema
from voiced.settings.schema.settingsfile import settings_schema

ROOT = Path(voiced.__file__).parent.parent
SHIPPED = [
    file
    for folder in ("config", "examples/assistant")  # Acme's has plugins of its own
    for file in sorted((ROOT / folder).rglob("*.yaml"))
]
LINE = "# yaml-language-server: $schema="
BUILTIN = Registry(tuple(entry for entry in Registry.find().found if entry.where == "voiced.plugins.voiced_builtin"))

FLOW = "flow: main\nstart: a\nnodes:\n  a:\n"

GOOD_FLOWS = [
    "    - hangup\n    - say: Hello.\n    - say: 5\n    - say: true\n    - pause: 1.5\n    - pause: '1.5'\n",
    "    - menu: {prompt: {en: One, de: 1}, keys: {1: a, '*': b}, timeout: 5, retries: '2', interruptible: False}\n",
    "    - voicemail\n    - voicemail:\n    - transfer: +14155550100\n    - hangup: 0123\n    - hangup: on\n",
    "    - call: {flow: main, with: {day: 2026-12-25}}\n    - return\n    - say: {text: x, language: no}\n",
    "    - agent: {use: sales, variables: {}, seconds: null, fallback: ''}\n",
]
GOOD_SETTINGS = [
    "privacy: open\nvoices:\n",
    "limits:\ncache: {size_mb: '${SIZE:-100}'}\nprerender: '${PRERENDER:-true}'\nprivacy: ${PRIVACY:-masked}\n",
    "voices: {a: {engine: elevenlabs, api_key: k, voice: '${VOICE}', speed: 1, cache: false}, b: {engine: local}}\n",
    "agents: {a: {agent: openai, api_key: k, turn_detection: {type: semantic_vad}, tools: [hang_up]}}\n",
    "outbound: {hours: {mon-fri: '9:00-12:00, 13:00-20:00', 'sat, sun': 9:00-12:00}, prices: {US: 1, +44*: '0.5'}}\n",
    "inbound: {calls_per_day: 5, calls_at_once: {most: 3, say: No.}, deny: {numbers: [+1415*]}}\n",
    "api: {keys: [12345678901234567890, {name: crm, key: '${KEY}', flows: [main]}, '${OTHER:-}'], cors: []}\n",
]

BAD_FLOWS = [
    "    - sya: Hello.\n",
    "    - dance\n",
    "    - say\n",
    "    - say:\n",
    "    - say: Hello.\n      goto: a\n",
    "    - {}\n",
    "    - [hangup]\n",
    "    - say: {text: Hello., loud: true}\n",
    "    - say: {text: Hello., interruptible: maybe}\n",
    "    - say: {text: {}}\n",
    "    - say: [Hello.]\n",
    "    - say: {text: Hello., barge_in: loud}\n",
    "    - menu: Press one.\n",
    "    - menu: {prompt: x}\n",
    "    - menu: {prompt: x, keys: {}}\n",
    "    - menu: {prompt: x, keys: {12: a}}\n",
    "    - menu: {prompt: x, keys: {1: a}, retries: -1}\n",
    "    - menu: {prompt: x, keys: {1: a}, timeout: 0}\n",
    "    - pause: long\n",
    "    - voicemail: {keys: E}\n",
    "    - voicemail: {max_seconds: 3601}\n",
    "    - transfer: {timeout: 20}\n",
    "    - hangup: {reason: [done]}\n",
    "    - choose: {fact: a, cases: []}\n",
    "    - choose\n",
    "    - choose: {fact: a, otherwise: a}\n",
    "    - http: {url: 'https://example.com/', method: POST, json: {order: {id: 1, no: 7}}}\n",
    "    - set: {greeting: {en: Hello, de: Hallo}}\n",
    "    - agent: {use: a, language: English}\n",
    "    []\n",
    "    hangup\n",
]
BAD_HEADS = [
    "flow: main\nnodes: {a: [hangup]}\n",
    "start: a\nnodes: {a: [hangup]}\n",
    "flow: main\nstart: a\nnode: {a: [hangup]}\n",
    "flow: main\nstart: a\nnodes: {}\n",
    "flow: main\nstart: a\nmax_seconds: 0\nnodes: {a: [hangup]}\n",
    "flow: main\nstart: a\non_machine: no\nnodes: {a: [hangup]}\n",
    "flow: main\nstart: a\nconstants: [a]\nnodes: {a: [hangup]}\n",
    "- hangup\n",
]
BAD_SETTINGS = [
    "limts: {calls: 5}\n",
    "limits: {calls: 0}\n",
    "limits: {calls: many}\n",
    "limits: 5\n",
    "privacy: maskd\n",
    "prerender: often\n",
    "apology: ''\n",
    "apology: [Sorry.]\n",
    "voices: {anna: local}\n",
    "voices: {anna: {voice: heart}}\n",
    "voices: {anna: {engine: lokal}}\n",
    "voices: {anna: {engine: local, sped: 1}}\n",
    "voices: {anna: {engine: local, speed: 3}}\n",
    "voices: {anna: {engine: elevenlabs, voice: abcd}}\n",
    "voices: {anna: {engine: elevenlabs, voice: 'Anna!', api_key: k}}\n",
    "agents: {a: {agent: openai, api_key: k, barge_in: maybe}}\n",
    "agents: {a: {agent: openai, api_key: k, tools: hang_up}}\n",
    "agents: {a: {agent: local, brain: {rules: [{whne: hi}]}}}\n",
    "tools: {a: {tool: http, url: 'https://example.com/'}}\n",
    "lookups: {crm: {lookup: table, callers: {+14155550100: Ann}}}\n",
    "api: 0123456789abcdefghijklm\n",
    "api: {keys: [{name: crm}]}\n",
    "outbound: {allow: US}\n",
    "outbound: {hours: {mon-fri: 9-17}}\n",
    "outbound: {hours: {holiday: '9:00-17:00'}}\n",
    "outbound: {spend_per_day: 0}\n",
    "inbound: {unattested: {least: D}}\n",
    "inbound: {deny: {say: No.}}\n",
    "inbound: {calls_per_day: {most: 0}}\n",
    "human: {}\n",
]


class SchemaCase(SynchronousTestCase):
    """Test cases with the schemas of what comes with voiced."""

    def setUp(self) -> None:
        """One validator for each."""
        self.valid = {name: Draft202012Validator(make(BUILTIN, [])) for name, make in SCHEMAS.items()}

    def wrong(self, name: str, text: str) -> list[str]:
        """What a schema has against a text as an editor reads it."""
        return [error.message for error in self.valid[name].iter_errors(yaml12.load(text))]


class ShippedTests(SchemaCase):
    """What comes with voiced."""

    def test_up_to_date(self) -> None:
        """The files are what `voiced schema --output config/schema` writes, and are schemas."""
        for name, make in SCHEMAS.items():
            schema = make(BUILTIN, [])
            Draft202012Validator.check_schema(schema)
            written = (ROOT / "config" / "schema" / FILES[name]).read_text("utf-8")
            self.assertEqual(json.loads(written), schema, "run: voiced schema --output config/schema")
            self.assertEqual(written, text_of(schema))

    def test_shipped_files(self) -> None:
        """Every shipped file is right, and its first line leads an editor to its schema."""
        seen = set()
        for file in SHIPPED:
            text = file.read_text("utf-8")
            names = yaml12.load(text) or {}
            kinds = (("scenario", "scenarios"), ("settings", "twilio"), ("flow", "flow"))
            found = [name for name, key in kinds if key in names]
            if not found:  # calendars, tables
                continue
            seen.add((found[0], file.name))
            self.assertEqual(self.wrong(found[0], text), [], file)
            first = text.splitlines()[0]
            self.assertTrue(first.startswith(LINE), f"{file} begins with {LINE}…")
            named = (file.parent / first.removeprefix(LINE)).resolve()
            self.assertEqual(named, ROOT / "config" / "schema" / FILES[found[0]], file)
        settings = {("settings", "voiced.yaml"), ("settings", "demo.yaml")}
        flows = {("flow", "reception.yaml"), ("flow", "assistant.yaml"), ("flow", "callback.yaml")}
        self.assertLessEqual(settings | flows | {("scenario", "callback.yaml")}, seen)

    def test_no_warnings(self) -> None:
        """Nothing that is shipped is warned of."""
        for file in SHIPPED:
            if file.name in ("voiced.yaml", "demo.yaml") and "twilio" in (yaml12.load(file.read_text("utf-8")) or {}):
                configuration = configured(file, {})
                self.assertEqual([str(fault) for fault in configuration.warnings], [], file)

    def test_all_settings(self) -> None:
        """Every block of voiced.yaml has its place in the schema."""
        names = {*NEEDING_A_LOOK, *Plain.__struct_fields__}
        self.assertEqual(set(settings_schema(BUILTIN, [])["properties"]), names)


class AgreementTests(SchemaCase):
    """The schemas against the check."""

    def test_good(self) -> None:
        """What is good however strangely it is written."""
        named = "voices: {anna: {engine: local}}\nagents: {sales: {agent: openai, api_key: k}}\n"
        for steps in GOOD_FLOWS:
            files = {"voiced.yaml": GOOD["voiced.yaml"] + named, "flows/main.yaml": FLOW + steps + "  b: [hangup]\n"}
            self.assertEqual(self.said(files), [], steps)
            self.assertEqual(self.wrong("flow", files["flows/main.yaml"]), [], steps)
        for more in GOOD_SETTINGS:
            files = {"voiced.yaml": GOOD["voiced.yaml"] + more}
            self.assertEqual([each for each in self.said(files) if "environment" not in each], [], more)
            self.assertEqual(self.wrong("settings", files["voiced.yaml"]), [], more)
        for text in GOOD.values():
            self.assertEqual(self.wrong("flow" if "nodes" in text else "settings", text), [], text)

    def test_broken(self) -> None:
        """What has a wrong shape, name or word is refused by an editor, too."""
        for text in (*BAD_HEADS, *(FLOW + steps for steps in BAD_FLOWS)):
            self.assertNotEqual(self.wrong("flow", text), [], text)
        for more in BAD_SETTINGS:
            self.assertNotEqual(self.wrong("settings", GOOD["voiced.yaml"] + more), [], more)

    def test_broken_for_the_check(self) -> None:
        """And each of these is for the check."""
        for text in (*BAD_HEADS, *(FLOW + steps for steps in BAD_FLOWS)):
            self.assertNotEqual(self.said({"flows/main.yaml": text}), [], text)
        for more in BAD_SETTINGS:
            self.assertNotEqual(self.said({"voiced.yaml": GOOD["voiced.yaml"] + more}), [], more)

    def said(self, files: dict[str, str]) -> list[str]:
        """What the check says."""
        directory = Path(self.mktemp())
        (directory / "flows").mkdir(parents=True)
        for name, text in {**GOOD, **files}.items():
            (directory / name).write_text(text)
        return [each for each in said_of(directory) if ": warning: " not in each]

    def test_the_table(self) -> None:
        """The schemas refuse nothing that is only odd (tests/odd_files.txt)."""
        for case in cases(Path(__file__).parent / "odd_files.txt"):
            for name, text in case.files.items():
                kind = "included" if "shared" in name else "flow" if name.startswith("flows") else "settings"
                self.assertEqual(self.wrong(kind, text), [], case.title)


class ScenarioTests(SchemaCase):
    """The schema of scenarios against what reads them."""

    def test_good(self) -> None:
        """All that a scenario can say, and a file that is one scenario."""
        alone = "config: a.yaml\nscenario: 5\nsteps: [hangs up, waits: 1, hears: {matches: a}, reaches: {node: a}]"
        more = "scenario: x\nagents: {a: [hears, {hears: }, stalls, tool: hang_up]}\nfrom: +14155550100\nflow: a"
        for text in (to_yaml(EVERYTHING), alone, more):
            parsed(plainyaml.parse(text, "t.yaml"))
            self.assertEqual(self.wrong("scenario", text), [], text)

    def test_broken(self) -> None:
        """What has a wrong shape, name or word is refused by an editor, and by what reads it."""
        below = [
            "step: []",
            "steps: [jumps]",
            "steps: [{presses: q}]",
            "steps: [{hears: a, says: b}]",
            "steps: [hears]",
        ]
        below += ["at: tomorrow", "call: {number: ab}", "chance: 2", "agents: {a: [{say: la}]}", "desks: {a: gone}"]
        texts = [
            "scenarios: []",
            "scenarios: [{steps: []}]",
            "scenarios: [a]",
            "steps: []",
            "scenarios: [{scenario: b}]\nscenario: a",
        ]
        for text in (*texts, *(f"scenario: x\n{each}" for each in below)):
            self.assertNotEqual(self.wrong("scenario", text), [], text)
            with self.assertRaises(ConfigError):
                parsed(plainyaml.parse(text, "t.yaml"))


class Ring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ring a bell, `times` times; `loud` wakes people."""

    entries = "bells"
    bells: dict[str, Template]


class Bell(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="bell", tag_field="type"):
    """A bell. `times` says how often; `loud` wakes people."""

    # Of what it is made.
    metal: str
    times: int = 1
    loud: bool = False
    """Whether it wakes people."""


Settings = Bell


def make(settings: Any, tools: Any) -> None:
    """Named by the registry: this module is the voice `bell`."""


class ThirdPartyTests(SynchronousTestCase):
    """Plugins of other people."""

    def registry(self) -> Registry:
        """With a step, a voice, and one that is broken."""
        ours = [("step", "ring", f"{__name__}.Ring"), ("voice", "bell", __name__), ("voice", "gone", "not.there")]
        makers = [Found(Maker(kind, name, "A bell", module), __name__) for kind, name, module in ours]
        return Registry((*BUILTIN.found, *makers), {"voiced.plugins.acme": "ImportError: no acme"})

    def test_included(self) -> None:
        """A step and a voice are there, with what the source says of them; what is broken is left out, and named."""
        missing: list[str] = []
        flow, settings = flow_schema(self.registry(), missing), settings_schema(self.registry(), missing)
        ring = flow["$defs"]["step"]["anyOf"][1]["properties"]["ring"]
        self.assertEqual(ring["description"], "Ring a bell, `times` times; `loud` wakes people.")
        self.assertIn("additionalProperties", ring)
        bell = settings["properties"]["voices"]["additionalProperties"]["anyOf"][0]
        self.assertEqual(bell["title"], "engine: bell")
        said = {name: bell["properties"][name].get("description") for name in ("metal", "times", "loud")}
        self.assertEqual(
            said,
            {"metal": "Of what it is made.", "times": "`times` says how often;", "loud": "Whether it wakes people."},
        )
        self.assertEqual(bell["required"], ["engine", "metal"])
        self.assertEqual(len(missing), 1)
        self.assertIn("the voice 'gone' cannot be used: not.there fails with ModuleNotFoundError", missing[0])

    def test_command(self) -> None:
        """`voiced schema` prints one, or writes all; a broken plugin module is named beside."""
        printed = CliRunner().invoke(main, ["schema", "flow"])
        self.assertEqual(json.loads(printed.stdout)["title"], "A flow of voiced")
        self.assertEqual(json.loads(CliRunner().invoke(main, ["schema"]).stdout)["title"], "voiced.yaml")
        directory = Path(self.mktemp())
        self.assertEqual(CliRunner().invoke(main, ["schema", "--output", str(directory)]).exit_code, 0)
        self.assertEqual({file.name for file in directory.iterdir()}, set(FILES.values()))
        (directory / "voiced.json").unlink()
        self.assertEqual(CliRunner().invoke(main, ["schema", "settings", "-o", str(directory)]).exit_code, 0)
        self.assertTrue((directory / "voiced.json").exists())

    def test_broken_module(self) -> None:
        """A plugin module that cannot be imported is named on stderr."""
        self.patch(Registry, "find", classmethod(lambda cls: self.registry()))
        result = CliRunner().invoke(main, ["schema", "settings"])
        self.assertIn("left out: voiced.plugins.acme cannot be imported: ImportError: no acme", result.stderr)
        self.assertEqual(result.exit_code, 0)

    def test_no_directory(self) -> None:
        """Where nothing can be written, the option is named."""
        file = Path(self.mktemp())
        file.write_text("")
        for place in (file, file / "below"):
            result = CliRunner().invoke(main, ["schema", "--output", str(place)])
            self.assertIn("--output", result.output)
            self.assertNotIn("Traceback", result.output)
            self.assertIsInstance(result.exception, SystemExit)


class EditorsTests(SynchronousTestCase):
    """YAML as editors read it."""

    def test_yaml12(self) -> None:
        """Words that PyYAML reads otherwise."""
        table = {
            "on": "on",
            "1:30": "1:30",
            "2026-12-25": "2026-12-25",
            "+1415": 1415,
            "0123": 123,
            "True": True,
            "": None,
        }
        for text, value in table.items():
            self.assertEqual(yaml12.load(text), value, text)

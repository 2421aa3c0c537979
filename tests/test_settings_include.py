"""What flows share, and in which languages they are spoken: include, constants, pronunciation, voices, calendars."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from voiced.call.flow import Flow
from voiced.errors import ConfigError
from voiced.settings.calendar import read_calendar
from voiced.settings.files import Files
from voiced.settings.flowfile import FlowFiles, Names, load_flows
from voiced.settings.registry import Registry

REGISTRY = Registry.find()
NAMES = Names(voices=("rachel", "anna"), voice="rachel")

MAIN = """\
flow: main
start: a
include: parts/common.yaml
constants: {shop: "Luigi's", desk: "+14155550111"}
nodes:
  a:
    - say: "Welcome to {shop}, {street|}."
    - goto: bye
"""
COMMON = """\
constants: {shop: "A shop", street: "High Street"}
pronunciation: {Luigi: "Lou-ee-gee"}
nodes:
  bye:
    - say: "Goodbye from {shop}."
    - transfer: "{desk}"
"""
HEAD = "flow: main\nstart: a\n"
BODY = "nodes: {a: [hangup]}\n"
BRACE = "is not a place like {party.name|there}; write {{ for a plain brace"
ONLY = "a file that is included has `nodes`, `constants`, `pronunciation` and `include` only"
OTHERWISE = "come of the call: name it otherwise"

FAULTS = [
    ("language: english\n" + BODY, "3:11: language: 'english' is no language: write its tag, like en, de or pt-BR"),
    (
        "voice: {en: rachel, xx: anna}\n" + BODY,
        "3:21: voice.xx: 'xx' is no language: write its tag, like en, de or pt-BR",
    ),
    ("voice: {en: rahcel}\n" + BODY, "3:13: voice.en: no voice is called 'rahcel'; did you mean 'rachel'?"),
    ("max_seconds: 0\n" + BODY, "3:14: max_seconds: must be at least 1, not '0'"),
    ("on_silence: b\n" + BODY, "3:13: on_silence: no node is called 'b'; there are: a"),
    (
        "include: gone.yaml\n" + BODY,
        "3:10: include: the file gone.yaml cannot be read: No such file or directory",
    ),
    ("include: {a: b}\n" + BODY, "3:10: include: expects text, and `{` or `[` is syntax: put the text in quotes"),
    (
        "constants: {1: x}\n" + BODY,
        "3:13: constants.1: a constant is called like `shop` or `shop.phone`: letters, digits, `_` and `-`",
    ),
    ("constants: {call.x: y}\n" + BODY, f"3:13: constants.call.x: facts that begin with `call.` {OTHERWISE}"),
    (
        "constants: {a: [x]}\n" + BODY,
        "3:16: constants.a: expects text, and `{` or `[` is syntax: put the text in quotes",
    ),
    (
        "nodes:\n  a:\n    - say: {text: {en: Hi, nonsense: x}}",
        "5:28: node 'a', step 1 (say): text.nonsense: 'nonsense' is no language: write its tag, like en, de or pt-BR",
    ),
    (
        "nodes:\n  a:\n    - say: {text: {en: Hi, de: {a: b}}}",
        "5:32: node 'a', step 1 (say): text.de: expects text, and `{` or `[` is syntax: put the text in quotes",
    ),
    (
        'nodes:\n  a:\n    - say: {text: {en: Hi, de: "{"}}',
        f"5:32: node 'a', step 1 (say): text.de: the brace at character 1 {BRACE}",
    ),
    (
        "nodes:\n  a:\n    - call: mian",
        "5:7: node 'a', step 1 (call): no flow is called 'mian'; did you mean 'main'?",
    ),
]


class FlowsCase(SynchronousTestCase):
    """Test cases that load flows."""

    def setUp(self) -> None:
        """A directory for them."""
        self.directory = Path(self.mktemp()).absolute()
        self.directory.mkdir()

    def write(self, name: str, text: str) -> None:
        """A file in it."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def load(self, **files: str) -> dict[str, Flow]:
        """The flows."""
        for name, text in files.items():
            self.write(f"{name}.yaml", text)
        return load_flows(self.directory, NAMES, REGISTRY)

    def faults(self, **files: str) -> list[str]:
        """What is wrong with them, without the directory's name before it."""
        error = self.assertRaises(ConfigError, self.load, **files)
        return [str(fault).replace(f"{self.directory}/", "") for fault in error.faults]


class IncludeTests(FlowsCase):
    """include, constants, pronunciation."""

    def test_shared(self) -> None:
        """Nodes come together, constants stand for themselves everywhere; the flow's own come first."""
        self.write("parts/common.yaml", COMMON)
        flow = self.load(main=MAIN)["main"]
        texts = [steps[0].step.text.fill({}) for steps in flow.nodes.values()]
        self.assertEqual(texts, ["Welcome to Luigi's, High Street.", "Goodbye from Luigi's."])
        self.assertEqual(flow.nodes["bye"][1].step.mentions().targets, ("+14155550111",))
        self.assertEqual(flow.constants, {"shop": "Luigi's", "desk": "+14155550111", "street": "High Street"})
        self.assertEqual(flow.pronunciation.of("Luigi"), "Lou-ee-gee")

    def test_version(self) -> None:
        """A file that is included is one of those that make the version of what was loaded."""
        self.write("parts/common.yaml", COMMON)
        files = Files(self.directory)
        self.write("main.yaml", MAIN)
        FlowFiles(NAMES, REGISTRY, files=files).read(self.directory)
        self.assertTrue(files.digest(self.directory / "parts" / "common.yaml"))

    def test_each_once(self) -> None:
        """A file that is included twice, or includes itself, is read once."""
        self.write("parts/common.yaml", "include: [common.yaml, ../main.yaml, more.yaml]\n" + COMMON)
        self.write("parts/more.yaml", "constants: {more: x}\n")
        flow = self.load(main=MAIN.replace("parts/common.yaml", "[parts/common.yaml, parts/more.yaml]"))["main"]
        self.assertEqual(list(flow.nodes), ["a", "bye"])
        self.assertEqual(flow.constants["more"], "x")

    def test_all_of_it_included(self) -> None:
        """A flow may have no nodes of its own."""
        self.write("parts/common.yaml", "nodes: {a: [hangup]}")
        self.assertEqual(
            list(self.load(main="flow: main\nstart: a\ninclude: parts/common.yaml\n")["main"].nodes), ["a"]
        )

    def test_faults_in_the_file(self) -> None:
        """What is wrong in it is said with its own lines."""
        self.write("parts/common.yaml", COMMON + "  a: [hangup]\n  c:\n    - goto: d\nstart: a\n")
        self.assertEqual(
            self.faults(main=MAIN),
            [
                "parts/common.yaml:7:3: nodes.a: a node 'a' is in main.yaml:6 already, and this flow has both",
                "parts/common.yaml:9:7: node 'c', step 1 (goto): no node is called 'd'; there are: a, bye, c",
                f"parts/common.yaml:10:1: start: {ONLY}",
            ],
        )

    def test_broken_file(self) -> None:
        """One that is no YAML is named itself."""
        self.write("parts/common.yaml", "nodes: {")
        (fault,) = self.faults(main=MAIN.replace("goto: bye", "hangup"))
        self.assertTrue(fault.startswith("parts/common.yaml:1:8: this `{` is never closed"), fault)

    def test_faults(self) -> None:
        """Each has its place and its sentence."""
        for text, sentence in FAULTS:
            expected = "main.yaml:" + sentence
            self.assertEqual(self.faults(main=HEAD + text), [expected], text)


class LanguageTests(FlowsCase):
    """Languages and voices."""

    def test_voices(self) -> None:
        """A voice for each language; the flow's own language has the one that speaks where no other can."""
        flow = self.load(main=HEAD + "language: de\nvoice: {en: rachel, de: anna}\n" + BODY)["main"]
        self.assertEqual([flow.voice_of(tag) for tag in ("en-GB", "de", "fr")], ["rachel", "anna", "anna"])
        self.assertEqual(flow.language, "de")

    def test_one_voice(self) -> None:
        """One voice speaks all languages."""
        flow = self.load(main=HEAD + "voice: anna\n" + BODY)["main"]
        self.assertEqual([flow.voice_of(tag) for tag in ("en", "de")], ["anna", "anna"])

    def test_calls(self) -> None:
        """A flow may call one that stands in a later file, or in a faulty one."""
        caller = HEAD + "nodes:\n  a:\n    - call: {flow: other, with: {x: y}}\n"
        self.assertEqual(list(self.load(main=caller, other="flow: other\nstart: a\n" + BODY)), ["main", "other"])
        faults = self.faults(main=caller, other="flow: other\nstart: b\n" + BODY)
        self.assertEqual(faults, ["other.yaml:2:8: start: no node is called 'b'; there are: a"])


class CalendarTests(FlowsCase):
    """voiced.settings.calendar."""

    def test_days(self) -> None:
        """Days have names, or none."""
        self.write("days.yaml", "2026-12-25: Christmas Day\n2026-12-26:\n")
        days = read_calendar(self.directory / "days.yaml", [], Path.read_bytes)
        self.assertEqual(days, {"2026-12-25": "Christmas Day", "2026-12-26": ""})

    def test_faults(self) -> None:
        """What is no day is named in its line."""
        self.write("days.yaml", "25.12.2026: Christmas Day\n2026-11-31: x\n2026-12-26: [x]\n2026-12-24: Eve\n")
        faults: list[object] = []
        self.assertEqual(read_calendar(self.directory / "days.yaml", faults, Path.read_bytes), {"2026-12-24": "Eve"})  # type: ignore[arg-type]
        self.assertEqual(
            [str(fault).rpartition("days.yaml:")[2] for fault in faults],
            [
                "1:1: 25.12.2026: a day is written as `2026-12-25: Christmas Day`",
                "2:1: 2026-11-31: there is no such day",
                "3:13: 2026-12-26: expects text, and `{` or `[` is syntax: put the text in quotes",
            ],
        )

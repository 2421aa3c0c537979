"""`disclose` and `opt_out` in a flow's file: what they become, what is wrong with them, what deserves a warning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.house import flow, say
from tests.test_settings_load import REGISTRY, VOICED
from voiced.call.flow import Flow, OnMachine
from voiced.call.optout import CONFIRM, OptOut
from voiced.call.steps.calling import Call
from voiced.call.steps.digits import Menu
from voiced.call.steps.handover import Agent
from voiced.call.template import Template
from voiced.errors import ConfigError
from voiced.settings.disclosure import undisclosed
from voiced.settings.flowfile import Names, load_flows
from voiced.settings.load import build_program, read, static_prompts
from voiced.settings.optout import calling, may_opt_out, taken_keys, without_opt_out
from voiced.settings.part import Part
from voiced.settings.plainyaml import parse
from voiced.testing.fakes import FakeTools

FLOW = "flow: a\nstart: s\nnodes: {s: [{say: Hi.}]}\n"
"""Three lines; what follows begins in the fourth."""
USELESS = "opt_out: nobody can use it: write `key` or `words`, or give an agent the tool `opt_out`"
BROKEN = [
    ("disclose:", "4:1: disclose: has no value: write what callers are told, or take the line out"),
    ('disclose: ""', "4:11: disclose: is empty: write what callers are told, or take the line out"),
    ('disclose: {en: "", de: KI}', "4:11: disclose: is empty: write what callers are told, or take the line out"),
    ("disclose: [a]", "4:11: disclose: expects text, and `{` or `[` is syntax: put the text in quotes"),
    ("opt_out:", '4:1: opt_out: has no value: write `{key: "9"}`, or `{}` where only an agent\'s tool opts out'),
    ("opt_out: {}", f"4:1: {USELESS}"),
    ("opt_out: {words: []}", f"4:1: {USELESS}"),
    ("opt_out: {confirm: Bye.}", f"4:1: {USELESS}"),
    ("opt_out: {kye: 9}", "4:11: opt_out: there is no setting 'kye' here; did you mean 'key'?"),
    ('opt_out: {key: "99"}', "4:16: opt_out.key: '99' is not a choice; did you mean '9'?"),
    ("opt_out: {words: [stop, ...]}", "4:25: opt_out.words.2: '...' has no word in it: nobody can say it"),
    ('opt_out: {key: 9, confirm: " "}', "4:28: opt_out.confirm: is empty: they have to hear that it is done"),
    ("opt_out: nine", "4:10: opt_out: expects settings (`name: value`) below it, not 'nine'"),
]
"""What is written, and what is said of it."""
WORDED = """
constants: {maker: Acme}
disclose: {en: "This is the AI of {maker}.", de: "Hier spricht eine KI."}
opt_out: {key: 9, words: [stop calling], confirm: {en: Goodbye., de: "Auf Wiederhören, {call.party}."}}
voice: {en: rachel, de: spare}
"""


class ReadingTests(SynchronousTestCase):
    """From a file to a flow."""

    def load(self, text: str, **names: Any) -> Flow:
        """The flow with this text in its head."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        (self.directory / "a.yaml").write_text(FLOW + text)
        known = {"voices": ("rachel", "spare"), "voice": "rachel"} | names
        return load_flows(self.directory, Names(**known), REGISTRY)["a"]

    def test_good(self) -> None:
        """Both are worded by language, with constants and facts."""
        loaded = self.load(WORDED)
        self.assertEqual(loaded.disclose and loaded.disclose.fill({}, "en"), "This is the AI of Acme.")
        self.assertEqual(loaded.disclose and loaded.disclose.fill({}, "de"), "Hier spricht eine KI.")
        assert loaded.opt_out is not None
        self.assertEqual((loaded.opt_out.key, loaded.opt_out.words), ("9", ("stop calling",)))
        self.assertEqual(loaded.opt_out.confirm.needs, ("call.party",))

    def test_unless_told(self) -> None:
        """A flow has neither, and the confirmation is a sentence of ours."""
        self.assertEqual((self.load("").disclose, self.load("").opt_out), (None, None))
        self.assertEqual(self.load("opt_out: {key: 0}").opt_out, OptOut("0", (), CONFIRM))

    def test_for_the_tool(self) -> None:
        """Where an agent has the tool, neither a key nor words are needed."""
        self.assertEqual(self.load("opt_out: {}", opting_agent=True).opt_out, OptOut())

    def test_broken(self) -> None:
        """Whatever is wrong is said once, in its place, with what to do."""
        for text, fault in BROKEN:
            error = self.assertRaises(ConfigError, self.load, text)
            told = [str(each).removeprefix(f"{self.directory}/a.yaml:") for each in error.faults]
            self.assertEqual(told, [fault], text)

    def test_no_voice(self) -> None:
        """Who is to be told something needs a voice; a confirmation is said by the carrier, if need be."""
        quiet = FLOW.replace("{say: Hi.}", "hangup")
        self.directory = Path(self.mktemp())
        self.directory.mkdir()
        (self.directory / "a.yaml").write_text(quiet + "disclose: An AI.\nopt_out: {key: 9}\n")
        error = self.assertRaises(ConfigError, load_flows, self.directory, Names(), REGISTRY)
        self.assertEqual([each.line for each in error.faults], [4])
        self.assertIn("the flow has no voice", str(error))

    def test_rendered_ahead(self) -> None:
        """What is the same for all callers is rendered ahead, each wording by its own voice."""
        self.load(WORDED)
        (self.directory / "voiced.yaml").write_text(VOICED.replace("hello", "a"))
        (self.directory / "flows").mkdir()
        (self.directory / "a.yaml").rename(self.directory / "flows/a.yaml")
        program = build_program(read(self.directory / "voiced.yaml", {}, REGISTRY), FakeTools(Clock()))
        prompts = {(voice, utterance.text) for voice, utterance in static_prompts(program)}
        self.assertLessEqual(
            {
                ("rachel", "This is the AI of Acme."),
                ("spare", "Hier spricht eine KI."),
                ("rachel", "Goodbye."),
            },
            prompts,
        )
        self.assertNotIn("Wiederhören", str(prompts))


class AgentsTests(SynchronousTestCase):
    """Which settings have an agent that opts people out."""

    def may(self, agents: str, tools: str = "") -> bool:
        """Whether these have one."""
        part = Part(parse(f"agents: {agents}\ntools: {tools}\n", "voiced.yaml"))
        return may_opt_out(part["agents"], part["tools"])

    def test_by_any_name(self) -> None:
        """It is the tool itself, or one that is made of it."""
        self.assertTrue(self.may("{a: {}, b: {tools: [hang_up, opt_out]}}"))
        self.assertTrue(self.may("{a: {tools: [stop]}}", "{stop: {tool: opt_out}}"))
        self.assertFalse(self.may("{a: {tools: [stop, [x]]}, b: {tools: x}}", "{stop: {tool: hang_up}}"))
        self.assertFalse(self.may("nobody", "nothing"))


AGENT = Agent("helper")
AI = Template.plain("An AI.")


class WarningTests(SynchronousTestCase):
    """What deserves a warning."""

    def undisclosed(self, *flows: Flow, entries: tuple[str, ...] = ("one",)) -> list[tuple[str, str, int]]:
        """Where an agent can be reached without a word about it."""
        return [each[:3] for each in undisclosed({each.name: each for each in flows}, entries)]

    def test_undisclosed(self) -> None:
        """Each step of an agent in a flow that discloses nothing."""
        steps = [say("Hi."), AGENT]
        self.assertEqual(
            self.undisclosed(flow({"s": steps, "t": [AGENT]}, "one")), [("one", "s", 2), ("one", "t", 1)]
        )
        self.assertEqual(self.undisclosed(flow({"s": steps}, "one", disclose=AI)), [])
        self.assertEqual(self.undisclosed(flow({"s": [say("Hi.")]}, "one")), [])

    def test_in_flows_that_are_called(self) -> None:
        """What is disclosed by the flow that a call began with, or by the agent's own, is disclosed; nothing else."""
        for first, middle, last, expected in [
            (None, None, None, [("three", "s", 1)]),
            (AI, None, None, []),
            (None, AI, None, [("three", "s", 1)]),
            (None, None, AI, []),
        ]:
            one = flow({"s": [Call("two"), Call("nowhere")]}, "one", disclose=first)
            two = flow({"s": [Call("three"), Call("one")]}, "two", disclose=middle)
            three = flow({"s": [AGENT]}, "three", disclose=last)
            self.assertEqual(self.undisclosed(one, two, three, entries=("one", "gone")), expected)

    def test_said_once(self) -> None:
        """A step that several calls come to is named once, with what to do."""
        flows = [flow({"s": [Call("in")]}, name) for name in ("one", "two")] + [flow({"s": [AGENT]}, "in")]
        (found,) = undisclosed({each.name: each for each in flows}, ("one", "two"))
        self.assertIn("write `disclose:", found.sentence)
        self.assertIn("or into 'one', which leads here", found.sentence)
        self.assertEqual(self.undisclosed(*flows, entries=("in", "one")), [("in", "s", 1)])

    def test_without_opt_out(self) -> None:
        """Flows of calls that we place, by name or because they speak to machines."""
        nodes = {"s": [say("Hi.")]}
        flows = {
            "out": flow(nodes, "out"),
            "good": flow(nodes, "good", opt_out=OptOut("9")),
            "in": flow(nodes, "in"),
            "machines": flow(nodes, "machines", on_machine=OnMachine.HANGUP),
        }
        called = calling(flows, ("out", "good", "gone"))
        found = list(without_opt_out(flows, called))
        self.assertEqual([each[:3] for each in found], [("machines", "", 0), ("out", "", 0)])
        self.assertIn("write `opt_out:", found[0].sentence)

    def test_taken_keys(self) -> None:
        """Steps that take the key of `opt_out` for themselves, also in flows that are called."""
        one = flow({"s": [Menu(AI, {"8": "s"}), Menu(AI, {"9": "s"}), Call("two")]}, "one", opt_out=OptOut("9"))
        two = flow({"t": [Menu(AI, {"9": "t", "7": "t"})]}, "two", opt_out=OptOut("7"))
        found = list(taken_keys({"one": one, "two": two}, ("one", "two", "gone")))
        self.assertEqual([each[:3] for each in found], [("one", "s", 2), ("two", "t", 1)])
        self.assertIn("the key 9 means something here", found[0].sentence)
        self.assertEqual(list(taken_keys({"one": flow({"s": [Menu(AI, {"9": "s"})]}, "one")}, ("one",))), [])

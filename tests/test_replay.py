"""voiced replay: a call of the journal is lived through again, with the flows of today."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

import voiced
from voiced.cli import main
from voiced.cli.simulate import settings_above
from voiced.rehearsal import scenariofile
from voiced.rehearsal.performance import Performance
from voiced.rehearsal.recalled import Recalled
from voiced.rehearsal.rehearse import configured, perform
from voiced.rehearsal.replaying import NoWire, Replayed, find, replay
from voiced.rehearsal.writing import to_yaml
from voiced.settings import plainyaml
from voiced.settings.load import Configuration

ROOT = Path(voiced.__file__).parent.parent
SETTINGS = """\
insecure: true
voice: rachel
voices: {rachel: {engine: local}}
agents: {desk: {agent: elevenlabs, agent_id: agent_1, api_key: pretended, tools: [transfer_call, hang_up, look]}}
tools: {look: {tool: http, description: "Looks.", url: "https://x.example/"}}
lookups: {crm: {lookup: table, callers: {}}}
twilio: {account_sid: "AC00000000000000000000000000000000"}
numbers: {default: main}
journal: wire
prerender: false
"""
FLOW = """\
flow: main
start: a
on_hangup: gone
nodes:
  a:
    - lookup: crm
    - say: "Hello, {party.name|you}, from {call.party}."
    - menu:
        {prompt: "One or two?", keys: {"1": one, "2": two, "3": three, "4": four}, words: {"1": [one]}, timeout: 2,
         otherwise: bye}
  one:
    - voicemail: "Speak."
    - goto: bye
  two:
    - agent: desk
    - say: "It was {agent.outcome}."
    - goto: bye
  three:
    - transfer: "+14155550111"
    - goto: bye
  four:
    - http: {url: "https://crm.example/{call.sid}", into: {state: order.state}}
    - say: "It is {state|not known}."
    - sms: "Thanks."
    - goto: bye
  bye:
    - say: "Goodbye."
  gone:
    - pause: 0.1
"""
SCENARIOS = """\
scenarios:
  - scenario: nobody presses
  - scenario: leaves a message
    steps: [{hears: "two?"}, {presses: "1"}, {hears: Speak}, {waits: 1}, {says: "Call me back."}, {hears: Goodbye}]
  - scenario: a message that a key ends
    steps: [{presses: "1"}, {hears: Speak}, {waits: 1}, {says: "Hello."}, {presses: "#"}, {hears: Goodbye}]
  - scenario: talks
    lookups: {crm: {name: Ann}}
    tools: {look: "Nobody."}
    agents:
      desk:
        - says: "Yes?"
        - hears: "Bob"
        - tool: {look: {who: Bob}}
        - says: "No."
        - outcome: {name: gave up, facts: {x: y}}
    steps: [{hears: Ann}, {presses: "2"}, {hears: "Yes?"}, {says: "Is Bob in?"}, {hears: "gave up"}]
  - scenario: interrupts
    agents: {desk: [{says: "A very long story of a company."}, {hears: }, {says: "Fine."}, {outcome: completed}]}
    steps: [{presses: "2"}, {reaches: two}, {waits: 1}, {says: "STOP THAT NOW"}, {hears: Goodbye}]
  - scenario: breaks
    agents: {desk: [{says: "Yes?"}, {fails: "the line broke"}]}
    steps: [{presses: "2"}, {hears: Goodbye}]
  - scenario: stalls
    agents: {desk: [{says: "Yes?"}, {stalls: }]}
    steps: [{presses: "2"}, {hears: Goodbye}]
  - scenario: hung up on
    tools: {look: "x"}
    agents: {desk: [{says: "Bye."}, {tool: hang_up}]}
    faults: [{lookup: crm, fails: true}, {tool: look, fails: true}]
    steps: [{presses: "2"}]
  - scenario: is connected, in vain
    desks: {"+14155550111": busy}
    steps: [{hears: "two?"}, {presses: "3"}, {hears: Goodbye}]
  - scenario: is connected
    desks: {"+14155550111": {as: answers, talks: 20}}
    steps: [{hears: "two?"}, {presses: "3"}]
  - scenario: asks the web
    http: [{url: "https://crm.example/", json: {order: {state: late}}}]
    steps: [{hears: "two?"}, {presses: "4"}, {hears: Goodbye}]
  - scenario: three turns
    agents:
      desk: [{says: "Yes?"}, {hears: }, {says: "For how many?"}, {hears: }, {says: "Who?"}, {hears: }, {outcome: ok}]
    steps:
      [{hears: "two?"}, {presses: "2"}, {hears: "Yes?"}, {says: A table}, {hears: many}, {says: Two}, {hears: "Who?"},
       {waits: 2}, {says: Miller}, {hears: "was ok"}]
  - scenario: five turns
    agents:
      desk:
        [{hears: }, {says: "One."}, {hears: }, {says: "Two."}, {hears: }, {says: "Three."}, {hears: },
         {says: "Four."}, {hears: }, {says: "Five."}, {outcome: done}]
    steps:
      [{hears: "two?"}, {presses: "2"}, {reaches: two}, {waits: 2}, {says: a}, {hears: One}, {says: b}, {hears: Two},
       {says: c}, {hears: Three}, {says: d}, {hears: Four}, {says: e}, {hears: "was done"}]
  - scenario: a key for the agent
    agents: {desk: [{says: "Press four."}, {sees: "4"}, {says: "Thanks."}, {hears: }, {outcome: done}]}
    steps: [{presses: "2"}, {hears: four}, {waits: 1}, {presses: "4"}, {hears: Thanks}, {says: Bye}]
  - scenario: hangs up on the agent
    agents: {desk: [{says: "Yes?"}, {hears: }, {says: "I think about that for a while."}, {stalls: }]}
    steps: [{presses: "2"}, {hears: "Yes?"}, {says: A table}, {hears: while}, {waits: 1}, hangs up]
  - scenario: a word instead of a key
    steps: [{hears: "two?"}, {waits: 0.5}, {says: one please}, {hears: Speak}, {waits: 1}, {says: It is me.}]
  - scenario: the web is late and broken
    http: [{url: "https://crm.example/", status: 500}]
    steps: [{hears: "two?"}, {presses: "4"}, {hears: Goodbye}]
  - scenario: a voice fails
    faults: [{voice: rachel, fails: true, from: 2}]
  - scenario: the lookup is late
    faults: [{lookup: crm, late: 1.5}]
    steps: [{hears: "two?"}, {presses: "3"}]
  - scenario: hangs up
    steps: [{hears: Hello}, {waits: 1}, hangs up]
  - scenario: loses the line
    faults: [{stream: lost, after: 1.0}]
    steps: [{waits: 4}, {presses: "5"}, {hears: Goodbye}]
"""


class ReplayCase(SynchronousTestCase):
    """Test cases with settings, a flow and scenarios."""

    def setUp(self) -> None:
        """Write them."""
        self.directory = Path(self.mktemp()).absolute()
        self.write("voiced.yaml", SETTINGS)
        self.write("flows/main.yaml", FLOW)
        self.write("tests/main.yaml", SCENARIOS)

    def write(self, name: str, text: str) -> Path:
        """A file."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def configured(self) -> Configuration:
        """What the files say now."""
        return configured(self.directory / "voiced.yaml", {})

    def went(self, name: str, configuration: Configuration | None = None) -> Recalled:
        """A call as this scenario has it, as the journal keeps it."""
        written = scenariofile.read(self.directory / "tests" / "main.yaml").scenarios
        scenario = next(each.scenario for each in written if each.scenario.scenario == name)
        performance = perform(scenario, configuration or self.configured())
        return Recalled(json.loads(json.dumps(performance.kept)))

    def assert_same(self, replayed: Replayed) -> None:
        """Nothing goes otherwise."""
        self.assertEqual((replayed.steps, replayed.words, replayed.ending), ([], [], []))

    def saved(self, line: Mapping[str, Any], configuration: Configuration) -> Performance:
        """How the scenario goes that is saved of a call; it is read from its file."""
        recalled = Recalled(json.loads(json.dumps(line)))
        text = to_yaml(recalled.scenario(), config="voiced.yaml", notes=recalled.notes)
        page = scenariofile.parsed(plainyaml.parse(text, "saved.yaml"))
        page.check(configuration)
        return perform(page.scenarios[0].scenario, configuration)

    def assert_saved(self, line: Mapping[str, Any], configuration: Configuration) -> None:
        """It passes."""
        failures = self.saved(line, configuration).failures
        self.assertEqual([failure.message for failure in failures], [], line["call"])


class ReplayTests(ReplayCase):
    """voiced.rehearsal.recalled, voiced.rehearsal.replaying."""

    def test_same(self) -> None:
        """With the same flows, every call goes as it went; and what is saved of it is a scenario that passes."""
        configuration = self.configured()
        for written in scenariofile.read(self.directory / "tests" / "main.yaml").scenarios:
            recalled = self.went(written.scenario.scenario, configuration)
            self.assert_same(replay(recalled, configuration))
            self.assert_saved(recalled.line, configuration)

    def test_shipped(self) -> None:
        """So it is with all that is shipped; saved are the first two scenarios of each file."""
        files = sorted((ROOT / "config").rglob("tests/*.yaml"))
        self.assertTrue(files)
        for path in files:
            file = scenariofile.read(path)
            configuration = configured(file.head.config or settings_above(path), file.head.environment)
            for at, written in enumerate(file.scenarios):
                kept = perform(written.scenario, configuration).kept
                if kept.get("wire"):
                    replayed = replay(Recalled(kept), configuration)
                    self.assertTrue(replayed.same, (path, written.scenario.scenario, replayed.steps, replayed.words))
                    if at < 2:
                        self.assert_saved(kept, configuration)

    def test_otherwise(self) -> None:
        """What the flows of today say and do otherwise is shown."""
        recalled = self.went("leaves a message")
        changed = FLOW.replace("Speak.", "Speak after the tone.").replace('"Goodbye."\n', '"Bye."\n    - pause: 1\n')
        self.write("flows/main.yaml", changed)
        replayed = replay(recalled, self.configured())
        self.assertEqual([line for line in replayed.steps if line[0] != " "], ["+ bye.2 pause"])
        self.assertEqual(
            [line for line in replayed.words if line[0] != " "],
            ["- Speak.", "- Goodbye.", "+ Speak after the tone.", "+ Bye."],
        )
        self.assertEqual(replayed.ending, [])

    def test_saved_is_strict(self) -> None:
        """What is saved of a call fails with flows that say, do or leave out anything else."""
        recalled = self.went("leaves a message")
        for old, new in (
            ('"Speak."', '"Speak now."'),
            ('say: "Goodbye."', 'say: "Goodbye."\n    - say: "And thanks."'),
            ('- say: "Goodbye."', '- say: "Goodbye."\n    - pause: 1'),
            ("    - goto: bye\n  two:", "    - hangup\n  two:"),
        ):
            self.write("flows/main.yaml", FLOW.replace(old, new, 1))
            self.assertTrue(self.saved(recalled.line, self.configured()).failures, new)

    def test_notes(self) -> None:
        """Where the journal hides what was done, a comment says so before that step."""
        line = json.loads(json.dumps(self.went("leaves a message").line).replace('"key": "1"', '"key": ""'))
        recalled = Recalled(line)
        page = to_yaml(recalled.scenario(), notes=recalled.notes).splitlines()
        place = next(number for number, text in enumerate(page) if "# What was pressed here is private" in text)
        self.assertEqual(page[place + 1].strip(), "- presses: '0'")

    def test_deeds(self) -> None:
        """Whom else it speaks to, and what they are told, is compared, too; numbers are, where nothing hides them."""
        recalled = self.went("asks the web")
        changed = FLOW.replace('sms: "Thanks."', 'sms: "No."').replace("{call.sid}", "x/{call.sid}")
        self.write("flows/main.yaml", changed)
        replayed = replay(recalled, self.configured())
        self.assertIn("- text: Thanks.", replayed.deeds)
        self.assertIn("+ text: No.", replayed.deeds)
        self.assertEqual(len([line for line in replayed.deeds if "GET" in line and line[0] in "+-"]), 2)
        recalled = self.went("is connected")
        self.write("flows/main.yaml", FLOW.replace("+14155550111", "+14155550112"))
        deeds = replay(recalled, self.configured()).deeds
        self.assertEqual(deeds, ["- transfer to +14155550111", "+ transfer to +14155550112"])

    def test_numbers(self) -> None:
        """A number that is said otherwise is a difference; only what the journal hides may be anything."""
        self.write("flows/main.yaml", FLOW.replace("Goodbye.", "Call 0800 555 1234."))
        recalled = self.went("nobody presses")
        self.write("flows/main.yaml", FLOW.replace("Goodbye.", "Call 0900 666 9999."))
        replayed = replay(recalled, self.configured())
        self.assertIn("- Call 0800 555 1234.", replayed.words)
        self.assertIn("+ Call 0900 666 9999.", replayed.words)
        line = json.loads(json.dumps(recalled.line).replace("0800 555 1234", "•••• ••• ••34"))
        self.assertIn("+ Call 0900 666 9999.", replay(Recalled(line), self.configured()).words)
        self.write("flows/main.yaml", FLOW.replace("Goodbye.", "Call 0900 666 9934."))
        self.assert_same(replay(Recalled(line), self.configured()))

    def test_answers_in_order(self) -> None:
        """What was asked twice, and answered otherwise, is so again."""
        asks = '- lookup: crm\n    - say: "{party.name}, {party.name}."\n    - random: {b: 1, c: 1}\n'
        nodes = f'  a:\n    - lookup: crm\n    - say: "{{party.name}}."\n    {asks}  b: [random: {{b: 1, c: 1}}]\n'
        self.write("flows/main.yaml", f"flow: main\nstart: a\nnodes:\n{nodes}  c: [say: Bye.]\n")
        self.write("tests/main.yaml", "scenarios: [{scenario: x, lookups: {crm: {name: Ann}}, chance: 0.9}]")
        line = json.loads(json.dumps(self.went("x").line))
        events = [event for event in line["wire"] if event["what"] == "lookup"]
        events[1]["known"] = {"name": "Bob"}
        replayed = replay(Recalled(line), self.configured())
        self.assertEqual([text[2:] for text in replayed.words if text[0] == "+"], ["Bob, Bob."])

    def test_failures(self) -> None:
        """What the replay could not do is no sameness."""
        recalled = self.went("nobody presses")
        self.write("flows/main.yaml", FLOW.replace("    - pause: 0.1", '    - http: {url: "https://new.example/"}'))
        self.assertFalse(replay(recalled, self.configured()).same)
        self.assertTrue(replay(recalled, self.configured()).performance.failures)

    def test_another_end(self) -> None:
        """A flow that does not come as far any more is no trouble."""
        recalled = self.went("asks the web")
        self.write("flows/main.yaml", "flow: main\nstart: a\nnodes: {a: [{say: 'No.'}, {pause: 600}]}\n")
        replayed = replay(recalled, self.configured())
        self.assertEqual(replayed.ending, ["- completed", "+ caller_hung_up"])
        self.assertIn("+ No.", replayed.words)

    def test_hidden(self) -> None:
        """A journal that hides numbers is as good."""
        recalled = self.went("nobody presses")
        line = json.loads(json.dumps(recalled.line).replace("+14155550100", "+14•••••••00"))
        self.assert_same(replay(Recalled(line), self.configured()))

    def test_not_called(self) -> None:
        """Whom we called, and who did not answer."""
        for does, ending in (("busy", "busy"), ("no-answer", "no_answer"), ("failed", "failed")):
            call = f'call: {{number: "+14155550199", flow: main, as: {does}, variables: {{day: Monday}}}}'
            outbound = "outbound: {flow: main, allow: [US]}\napi: {keys: [a-key-of-more-than-twenty]}\n"
            self.write("voiced.yaml", SETTINGS.replace("insecure: true", "insecure: true\n" + outbound))
            self.write("tests/main.yaml", f"scenarios: [{{scenario: out, {call}}}]\n")
            recalled = self.went("out")
            self.assertEqual(recalled.line["ending"], ending)
            self.assertEqual(recalled.again().call.variables, {"day": "Monday"})  # type: ignore[union-attr]
            self.assert_same(replay(recalled, self.configured()))


class CommandTests(ReplayCase):
    """The command."""

    def run_it(self, *arguments: str) -> Any:
        """Run it."""
        settings = ["--config", str(self.directory / "voiced.yaml")]
        return CliRunner().invoke(main, ["replay", *settings, *arguments])

    def keep(self, name: str) -> str:
        """The journal has the call of this scenario; its SID."""
        line = dict(self.went(name).line)
        text = "\n".join(['{"event": "ended", "call": "CA1', json.dumps({"event": "began", **line, "wire": []})])
        self.write("var/journal.jsonl", f"{text}\n{json.dumps({**line, 'event': 'ended'})}\n")
        return str(line["call"])

    def test_same(self) -> None:
        """It says so."""
        sid = self.keep("talks")
        result = self.run_it(sid)
        self.assertEqual((result.output, result.exit_code), (f"{sid}: it goes as it went.\n", 0))

    def test_otherwise(self) -> None:
        """It shows what does not, and exits with 1."""
        sid = self.keep("hangs up")
        self.write("flows/main.yaml", FLOW.replace("Hello", "Good day"))
        result = self.run_it(sid)
        self.assertEqual(result.exit_code, 1)
        self.assertIn(
            "words:\n  - Hello, you, from +14155550100.\n  + Good day, you, from +14155550100.\n", result.output
        )

    def test_save(self) -> None:
        """What is saved can be played."""
        sid = self.keep("talks")
        saved = self.directory / "tests" / "saved.yaml"
        self.assertIn("as a scenario", self.run_it(sid, "--save", str(saved)).output)
        result = CliRunner().invoke(main, ["simulate", str(saved)])
        self.assertEqual(result.exit_code, 0, result.output)

    def test_nothing(self) -> None:
        """A call that is not there, a journal without its wire, or none at all: what to do is said."""
        self.assertIn("there is no journal", self.run_it("CA1").output)
        sid = self.keep("hangs up")
        result = self.run_it("CA2")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("has no call CA2 that has ended", result.output)
        path = self.directory / "var" / "journal.jsonl"
        path.write_text(path.read_text().replace('"wire": [{', '"wired": [{'))
        self.assertIn("write `journal: wire` into voiced.yaml", self.run_it(sid).output)
        self.assertRaises(NoWire, find, path, sid)

    def test_not_written(self) -> None:
        """A file that cannot be written is said before anything is played."""
        result = self.run_it(self.keep("talks"), "--save", str(self.directory / "no" / "saved.yaml"))
        self.assertEqual(result.exit_code, 2)
        self.assertIn("name another file with --save", result.output)
        self.assertNotIn("as it went", result.output)

    def test_broken_lines(self) -> None:
        """Lines that are broken, not UTF-8 or something else are passed over; of a wrong event, that is said."""
        sid = self.keep("hangs up")
        path = self.directory / "var" / "journal.jsonl"
        path.write_bytes(f'["{sid}"]\n"{sid}"\n'.encode() + b'\xff{"' + sid.encode() + b"\n" + path.read_bytes())
        self.assertEqual(self.run_it(sid).exit_code, 0)
        path.write_text(path.read_text("utf-8", "replace").replace('"what"', '"was"'), "utf-8")
        result = self.run_it(sid)
        self.assertEqual(result.exit_code, 2)
        self.assertIn("is not as this version of voiced writes it", result.output)

    def test_private_keys(self) -> None:
        """Of keys that nobody may know, it is said that 0 is pressed; the scenario has a comment of it."""
        sid = self.keep("leaves a message")
        path = self.directory / "var" / "journal.jsonl"
        path.write_text(path.read_text().replace('"key": "1"', '"key": ""'))
        result = self.run_it(sid, "--save", str(self.directory / "saved.yaml"))
        self.assertIn("(1 private key is not known, and 0 is pressed for each", result.output)
        self.assertTrue((self.directory / "saved.yaml").read_text().startswith("# 1 private key is not known"))

    def test_wrong_settings(self) -> None:
        """They are complained about as ever."""
        self.write("flows/main.yaml", "flow: main\n")
        result = self.run_it("CA1")
        self.assertEqual(result.exit_code, 2)
        self.assertIn("faults in the settings", result.output)

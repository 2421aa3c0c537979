"""Scenario files: what may stand in them, what is wrong in them and where; and they are written as they are read."""

from __future__ import annotations

import json
import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as some
from twisted.trial.unittest import SynchronousTestCase

import voiced
from tests.rehearsals import SETTINGS, Rehearsals
from voiced.call.records import Ending
from voiced.errors import ConfigError
from voiced.rehearsal import acts, names, scenariofile, turns
from voiced.rehearsal.pretended import Pretended, content, made_up, needed
from voiced.rehearsal.rehearse import configured, perform
from voiced.rehearsal.scenario import Bounds, Callee, Desk, Expect, Fault, Scenario, WebAnswer
from voiced.rehearsal.writing import to_yaml
from voiced.settings import plainyaml

ROOT = Path(voiced.__file__).parent.parent
SHIPPED = sorted(
    path for kind in ("config", "examples") for path in (ROOT / kind).glob("**/*.yaml") if path.parent.name == "tests"
)

BROKEN = {
    "": "1:1: this file is empty: write a scenario (`scenario:`, `steps:`), or take it away",
    "hello": "1:1: expects settings (`name: value`) below it, not 'hello'",
    "- a": "1:1: expects settings (`name: value`) below it",
    "scenarios: []": "1:1: there is no scenario here: write `scenarios:`, and below it `- scenario: <its name>`",
    "scenarios: {a: b}": "1:12: scenarios: expects a list, each entry on a line that begins with `- `",
    "scenarios: [a]": "1:13: scenarios.1: a scenario is settings, and begins with `- scenario: <its name>`",
    "scenarios: [{steps: []}]": "1:13: scenarios.1: the setting 'scenario' is missing",
    "scenarios: [{scenario: a}, {scenario: a}]": "1:39: scenarios.2.scenario: a scenario 'a' is in this file already",
}
"""A file -> the one fault in it."""

BROKEN_BELOW = {
    "step: []": "2:1: there is no setting 'step' here; did you mean 'steps'?",
    "steps: {hears: a}": "2:8: steps: expects a list, each entry on a line that begins with `- `",
    "steps: [jumps]": "2:9: step 1: there is no 'jumps' here; there are: after, begins, comes, hangs up, "
    "hears, never hears, presses, reaches, says, waits, within",
    "steps: [{hangup: now}]": "2:9: step 1: there is no 'hangup' here; did you mean 'hangs up'?",
    "steps: [{presses: q}]": "2:19: step 1: presses: must be keys of a telephone: 0 to 9, * and #, not 'q'",
    "steps: [{hears: a, says: b}]": "2:9: step 1: one verb and what belongs to it, like `- hears: …`",
    "steps: [[a]]": "2:9: step 1: one verb and what belongs to it, like `- hears: …`",
    "steps: [hears]": "2:9: step 1: 'hears' of what? Write `- hears: …`",
    "steps: [{hears: {text: a, matches: b}}]": "2:10: step 1: hears: it says what is heard: either a "
    "text, or `matches:` with a regular expression",
    "steps: [{hears: {matches: '['}}]": "2:27: step 1: hears: `matches` is no regular expression: "
    "unterminated character set at position 0",
    "steps: [{hangs up: now}]": "2:20: step 1: hangs up: takes no settings: write `- hangs up`",
    "steps: [{waits: -1}]": "2:17: step 1: waits: must be at least 0, not '-1'",
    "ring: hello": "2:7: ring: must be a telephone number like +14155550100, in quotes, not 'hello'",
    "at: tomorrow": "2:5: at: must be a day and a time like \"2026-11-24 18:30\", not 'tomorrow'",
    "at: 2026-13-24 18:30": "2:5: `at` is a time that no clock shows: '2026-13-24 18:30'",
    "time_zone: Mars": "2:12: `time_zone` is a name like America/New_York, not 'Mars'",
    "flow: restaurant\ncall: {number: '+14155550199'}": "2:7: `ring` and `flow` are for who calls us, "
    "`call` for whom we call: take one away",
    "call: {number: 12}": "2:16: call.number: must be a telephone number like +14155550100, in quotes, not '12'",
    "faults: [{voice: rachel}]": "2:10: faults.1: what is wrong with the voice? Write `fails: true`, or "
    "`late: <seconds>`",
    "faults: [{fails: true}]": "2:10: faults.1: a fault is of one thing: `voice`, `sentence`, `lookup`, `tool`, "
    "`hearing`, `stream`, `webhooks`",
    "faults: [{voice: rachl, fails: true}]": "2:18: faults.1.voice: no voice is called 'rachl'; did you "
    "mean 'rachel'?",
    "faults: [{lookup: crn, fails: true}]": "2:19: faults.1.lookup: no lookup is called 'crn'; did you mean 'crm'?",
    "faults: [{tool: bok, late: 3}]": "2:17: faults.1.tool: no tool is called 'bok'; did you mean 'book'?",
    "agents: {recepton: [stalls]}": "2:10: agents.recepton: voiced.yaml has no agent 'recepton'; did you "
    "mean 'reception'?",
    "agents: {reception: {says: x}}": "2:21: agents.reception: expects a list, each entry on a line that "
    "begins with `- `",
    "agents: {reception: [{tool: {a: {}, b: {}}}]}": "2:23: agent 'reception', turn 1: tool: one tool a "
    "turn: `tool: {name: {argument: value}}`",
    "agents: {reception: [{say: la}]}": "2:22: agent 'reception', turn 1: there is no 'say' here; "
    "did you mean 'says'?",
    "lookups: {crn: {}}": "2:11: lookups.crn: voiced.yaml has no lookup 'crn'; did you mean 'crm'?",
    "lookups: {crm: Ann}": "2:16: lookups.crm: expects settings (`name: value`) below it, not 'Ann'",
    "tools: {bok: a}": "2:9: tools.bok: voiced.yaml has no tool 'bok'; did you mean 'book'?",
    "desks: {a: gone}": "2:12: desks.a: 'gone' is not a choice; there are: answers, busy, failed, no-answer",
    "flow: nope": "2:7: flow: no flow is called 'nope'; there are: restaurant",
    "steps: [{reaches: bokking}]": "2:19: steps.1.reaches: no flow has a node 'bokking'; did you mean 'booking'?",
    "expect: {steps: [bokking.2]}": "2:18: expect.steps.1: no flow has a node 'bokking.2'; did you mean 'booking'?",
    "expect: {heard: hello}": "2:17: expect.heard: expects a list, each entry on a line that begins with "
    "`- `, not 'hello'",
    "expect: {refused: hour}": "2:19: expect.refused: the guard has no rule 'hour'; did you mean 'hours'?",
    "expect: {transferred_to: nonsense}": "2:26: expect.transferred_to: nobody is called at 'nonsense': write a "
    "number like +14155550100, or sip:name@host",
    "desks: {nonsense: busy}": "2:9: desks.nonsense: nobody is called at 'nonsense': write a number like "
    "+14155550100, or sip:name@host",
    "from: rubbish": "2:7: from: nobody rings from 'rubbish': write a number like +14155550100, or anonymous",
    "http: [{url: nonsense}]": "2:14: http.1: `url` is one like https://crm.example.com/guests, not 'nonsense'",
    "http: [{url: 'https://[x'}]": "2:14: http.1: `url` cannot be asked: Invalid IPv6 URL",
    "http: [{url: 'https://a.example:99999'}]": "2:14: http.1: `url` cannot be asked: Port out of range 0-65535",
    "steps: [{reaches: booking.9}]": "2:19: steps.1.reaches: the node 'booking' has no step 9: its steps are 1 to 2",
    "expect: {steps: [booking.0]}": "2:18: expect.steps.1: the node 'booking' has no step 0: its steps are 1 to 2",
    "at: 2026-03-29 02:30\ntime_zone: Europe/Berlin": "2:5: `at` is a time that no clock shows: '2026-03-29 02:30'",
    "at: 1026-03-29 02:30": "2:5: `at` is a day of this century, not '1026-03-29 02:30'",
    "http: [{status: 9, url: 'https://a.example'}]": "2:17: http.1.status: must be at least 200, not '9'",
    "chance: 2": "2:9: chance: must be less than 1, not '2'",
    "chance: [0.1, 2]": "2:15: chance.2: must be less than 1, not '2'",
    "lookups: {crm: [a]}": "2:17: lookups.crm.1: expects settings (`name: value`) below it, not 'a'",
    "http: [{url: 'https://a.example', times: 0}]": "2:42: http.1.times: must be at least 1, not '0'",
    "faults: [{sentence: Hi}]": "2:10: faults.1: what is wrong with the sentence? Write `fails: true`, or "
    "`late: <seconds>`",
    "steps: [{comes: rain}]": "2:17: step 1: comes: 'rain' is not a choice; there are: agent, agent line, "
    "answered by, http, lookup, outcome, recording, recording over, sentence, sentence over, stream, stream lost, "
    "text, transfer over",
    "steps: [{comes: {what: agent, times: 0}}]": "2:38: step 1: comes.times: must be at least 1, not '0'",
    "expect: {steps: [other/booking]}": "2:18: expect.steps.1: no flow has a node "
    "'other/booking'; did you mean 'booking'?",
    "steps: [{reaches: restaurant/booking.9}]": "2:19: steps.1.reaches: the node 'restaurant/booking' "
    "has no step 9: its steps are 1 to 2",
}
"""What stands below `scenario: x` -> the one fault in it."""

EVERYTHING = Scenario(
    scenario="Everything: yes, # all of it",
    ring="+14155550123",
    caller="anonymous",
    at="2026-11-24 18:30",
    time_zone="Europe/Rome",
    lookups={"crm": {"name": "null", "vip": "true"}, "other": ({"a": "1"}, {})},
    tools={"book": "Booked: 1, 2", "look": ("a: b", "")},
    http=(
        WebAnswer("https://a.example/x", json={"a": ["1"]}),
        WebAnswer("https://b.example", status=500, body="no", late=0.5, times=2),
        WebAnswer("https://b.example", fails=True),
    ),
    desks={"+14155550111": "busy", "sip:a@b.example": Desk(talks=5.0)},
    faults=(
        Fault(voice="rachel", fails=True, first=3),
        Fault(sentence="Hello: you", fails=True, times=1),
        Fault(stream="lost", after=2.0),
    ),
    chance=(0.25, 0.0),
    patience=30.0,
    expect=Expect(
        ending=Ending.COMPLETED,
        heard=("a", "b"),
        seconds=Bounds(below=60.0),
        recorded=True,
        facts={"a.b": "c"},
        steps=("booking", "restaurant/booking.1"),
        only=True,
    ),
    agents={
        "reception": (
            turns.AgentSays("Hello: it's me"),
            turns.AgentHears(),
            turns.AgentHears("a table"),
            turns.AgentSees("5"),
            turns.UsesTool("hang_up"),
            turns.UsesTool({"book": {"people": "2"}}),
            turns.AgentWaits(1.0),
            turns.HasOutcome("handover"),
            turns.HasOutcome("sold", {"colour": "red"}),
            turns.AgentFails("its line broke"),
            turns.Stalls(),
        )
    },
    steps=(
        acts.Hears("Good evening"),
        acts.Hears(matches="a.*b", voice="rachel", within=2.0),
        acts.NeverHears("no"),
        acts.Says("YES\nplease"),
        acts.Presses("12#"),
        acts.Waits(0.5),
        acts.Reaches("booking.1"),
        acts.Begins(),
        acts.Begins("Well: ", within=2.0),
        acts.Comes("lookup"),
        acts.Comes("agent line", times=2),
        acts.After(0.25),
        acts.Within(2.0),
        acts.HangsUp(),
    ),
)


_NAMES = ["scenario", "scenarios", "config", *acts.ACTS, *turns.TURNS, *Scenario.__struct_encode_fields__]
_SCALARS = some.sampled_from(["", "1", "-1", "x", "true", "+14155550123", *_NAMES])
anything = some.recursive(
    _SCALARS | some.none(),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.sampled_from(_NAMES), inner, max_size=4),
    max_leaves=12,
)
"""Scenario files as a monkey writes them."""


def reread(*scenarios: Scenario) -> list[Scenario]:
    """These, written and read again."""
    page = scenariofile.parsed(plainyaml.parse(to_yaml(*scenarios, config="../voiced.yaml"), "scenarios.yaml"))
    return [written.scenario for written in page.scenarios]


class FileTests(Rehearsals):
    """Reading them."""

    def test_broken(self) -> None:
        """Every fault is named in its place, with what to do."""
        configuration = configured(self.directory / "voiced.yaml", {})
        below = {f"scenario: x\n{text}": fault for text, fault in BROKEN_BELOW.items()}
        for text, fault in (BROKEN | below).items():
            with self.assertRaises(ConfigError) as caught:
                scenariofile.parsed(plainyaml.parse(text, "t.yaml")).check(configuration)
            self.assertEqual(str(caught.exception), f"t.yaml:{fault}")

    @settings(deadline=None, max_examples=150)
    @given(anything)
    def test_anything(self, written: object) -> None:
        """Whatever is written, there are faults in places, or there are none."""
        try:
            scenariofile.parsed(plainyaml.parse(json.dumps(written), "t.yaml"))
        except ConfigError as error:
            self.assertTrue(all(fault.line >= 1 and fault.message for fault in error.faults))

    def test_ring(self) -> None:
        """A number that only `default` answers is a mistake in typing, unless a flow is named, too."""
        ring = 'scenario: x\nring: "+14155550124"'
        only = SETTINGS.replace('{"+14155550123": restaurant}', "{default: restaurant}")
        both = SETTINGS.replace("restaurant}\noutbound", "restaurant, default: restaurant}\noutbound")
        self.assertNotIn(SETTINGS, (only, both))
        self.check(ring, SETTINGS)
        self.check(ring, only)
        self.check(f"{ring}\nflow: restaurant", both)
        self.check('scenario: x\nring: "+1 415 555 0123"', both)
        with self.assertRaises(ConfigError) as caught:
            self.check(ring, both)
        why = "t.yaml:2:7: ring: only `default` of voiced.yaml's numbers answers '+14155550124': if it is"
        self.assertIn(why, str(caught.exception))
        self.assertIn("did you mean '+14155550123'?", str(caught.exception))

    def check(self, text: str, settings_: str) -> None:
        """Hold a scenario against settings."""
        self.write("voiced.yaml", settings_)
        configuration = configured(self.directory / "voiced.yaml", {})
        scenariofile.parsed(plainyaml.parse(text, "t.yaml")).check(configuration)

    def test_who_rings(self) -> None:
        """However a carrier writes it."""
        for caller in ("+1 (415) 555-0100", "+442079460958", "anonymous", "+266696687", "sip:ann@example.com"):
            self.check(f'scenario: x\nfrom: "{caller}"', SETTINGS)

    def test_rules(self) -> None:
        """The rules that may be named are those by which the guard refuses."""
        ours = Path(voiced.__file__).parent
        source = "".join(path.read_text() for path in [*(ours / "guard").glob("*.py"), ours / "call" / "wish.py"])
        made = r'(?:Refused|_told|Limit|Charge|a_day|a_minute|ten_minutes)\(\s*"([\w.]+)"'
        named = set(re.findall(made, source)) | set(re.findall(r'\b(?:RULE|rule, most) = "(\w+)"', source))
        self.assertEqual(names.RULES, named)

    def test_all_at_once(self) -> None:
        """All of them are named in one run."""
        text = "scenarios:\n- scenario: a\n  steps: [{presses: x}, jumps]\n- scenario: b\n  chance: 3\nconfg: x"
        with self.assertRaises(ConfigError) as caught:
            scenariofile.parsed(plainyaml.parse(text, "t.yaml"))
        self.assertEqual([fault.line for fault in caught.exception.faults], [3, 3, 5, 6])

    def test_places(self) -> None:
        """Where a scenario and each of its steps stands, for what is said of it later."""
        text = "config: a.yaml\nscenarios:\n- flow: f\n  scenario: a\n  steps:\n  - hears: b\n  - hangs up\n"
        (written,) = scenariofile.parsed(plainyaml.parse(text, "t.yaml")).scenarios
        self.assertEqual((written.line, written.line_of(1), written.line_of(2)), (4, 6, 7))

    def test_one_alone(self) -> None:
        """A file may be one scenario, with its head."""
        text = "config: a.yaml\nenvironment: {A: b}\nscenario: a\nsteps: [hangs up]"
        page = scenariofile.parsed(plainyaml.parse(text, "/there/t.yaml"))
        self.assertEqual((page.head.config, page.head.environment), (Path("/there/a.yaml"), {"A": "b"}))
        self.assertEqual(page.scenarios[0].scenario, Scenario(scenario="a", steps=(acts.HangsUp(),)))


class WritingTests(SynchronousTestCase):
    """Writing them."""

    def test_everything(self) -> None:
        """All that a scenario can say."""
        self.assertEqual(reread(EVERYTHING, Scenario(scenario="b")), [EVERYTHING, Scenario(scenario="b")])

    def test_as_people_write(self) -> None:
        """What is by itself so is not written, and a verb is a line."""
        scenario = Scenario(
            scenario="a", call=Callee("+14155550199", does="busy"), steps=(acts.Hears("b"), acts.HangsUp())
        )
        page = "scenarios:\n- scenario: a\n  call:\n    number: '+14155550199'\n    as: busy\n  steps:\n"
        self.assertEqual(to_yaml(scenario), page + "  - hears: b\n  - hangs up\n")

    @settings(deadline=None, max_examples=50)
    @given(some.lists(some.text(some.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), min_size=1)))
    def test_any_text(self, texts: list[str]) -> None:
        """Whatever is said."""
        scenario = Scenario(scenario="x", steps=tuple(map(acts.Says, texts)), expect=Expect(heard=tuple(texts)))
        self.assertEqual(reread(scenario), [scenario])


class PretendedTests(Rehearsals):
    """An environment that is made up."""

    def test_fit(self) -> None:
        """Each name gets what fits it, always the same, and another one than the next."""
        self.assertRegex(made_up("TWILIO_ACCOUNT_SID"), r"^AC[0-9a-f]{32}$")
        self.assertRegex(made_up("TWILIO_PHONE_NUMBER"), r"^\+1415555\d{4}$")
        self.assertEqual(
            [made_up(name) for name in ("PORT", "SERVER_DOMAIN", "CRM_URL")],
            ["8080", "pretended.test", "https://pretended.test"],
        )
        self.assertGreaterEqual(len(made_up("A")), 20)
        self.assertNotEqual(made_up("A_KEY"), made_up("B_KEY"))

    def test_what_is_set(self) -> None:
        """What is set is kept; what has a default in voiced.yaml is not made up."""
        path = self.write("a.yaml", 'a: "${A}"\nb: "${B:-c}"\nd: "${D}"\n')
        environ = Pretended({"A": "mine"}, needed(path))
        self.assertEqual((environ["A"], environ.get("B"), environ["D"]), ("mine", None, made_up("D")))
        self.assertEqual(len(environ), len(list(environ)))
        self.assertIn("D", environ)

    def test_files(self) -> None:
        """A file that is there is read, one that is not is made up."""
        path = self.write("token", "s3cret\n")
        self.assertEqual((content(path), content(path.with_name("none"))), ("s3cret", made_up("none")))


class ShippedTests(SynchronousTestCase):
    """The scenarios that come with voiced: `make test` plays them."""

    def test_they_are_there(self) -> None:
        """For every flow that is shipped."""
        self.assertGreaterEqual(len(SHIPPED), 4)

    def test_shipped(self) -> None:
        """Each of them goes as it says."""
        from voiced.cli.simulate import settings_above

        for path in SHIPPED:
            page = scenariofile.read(path)
            configuration = configured(page.head.config or settings_above(path), page.head.environment)
            page.check(configuration)
            for written in page.scenarios:
                went = perform(written.scenario, configuration)
                why = "\n".join(f"{failure.message}\n{failure.detail}" for failure in went.failures)
                self.assertTrue(went.passed, f"{path}:{written.line}: {written.scenario.scenario}: {why}")

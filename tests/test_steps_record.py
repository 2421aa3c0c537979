"""The step record: a sentence that must be heard, and what the caller says then."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.trial.unittest import SynchronousTestCase

from tests.agents import ScriptedAgent
from tests.house import House, flow, say
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.handover import Agent
from voiced.call.steps.message import Record
from voiced.call.template import Template
from voiced.call.tones import BEEP
from voiced.ivoiced import Heard, Mentions, Prompt, Recorded, RecordLimits
from voiced.recordings import Recordings
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import RECORDED, FakeCall, Said
from voiced.testing.fakes import read_speech, spell

PROMPT, CONSENT = Template.parse("Your name, {x|please}."), Template.parse("This is recorded.")


def run(step: Record, call: FakeCall) -> Any:
    """What the step answers."""
    answers: list[Any] = []
    Deferred.fromCoroutine(step.run(call)).addCallback(answers.append)
    return answers[0]


class RecordContract(StepContract, SynchronousTestCase):
    """record."""

    def make_step(self) -> Record:
        """With all it can have."""
        return Record(PROMPT, CONSENT, beep=True, keys="#*", otherwise="nothing", voice="rachel")


class NothingSaidContract(RecordContract):
    """record, when nothing is said."""

    def make_call(self) -> FakeCall:
        """A call on which nobody says anything."""
        return FakeCall(recorded=Recorded("", 0.0, "silence"))


class CutCall(FakeCall):
    """A call whose line dies in the first sentence."""

    def say(self, *of: Any, **how: Any) -> Deferred[Heard]:
        """See ICall."""
        return super().say(*of, **how).addCallback(lambda _: Heard(0.5, 2.0, cut=True))


class RecordTests(SynchronousTestCase):
    """What it does."""

    def test_all(self) -> None:
        """The consent, which nobody can cut, the prompt, the recording; the facts begin as it says."""
        call = FakeCall()
        step = Record(
            PROMPT, CONSENT, max_seconds=10, silence=2, keys="", transcribe=True, into="name", voice="rachel"
        )
        self.assertIsNone(run(step, call))
        self.assertEqual(
            call.said, [Said("This is recorded.", "rachel", False), Said("Your name, please.", "rachel")]
        )
        self.assertEqual(call.recordings, [RecordLimits(10.0, 2.0, "", True, "name")])
        self.assertEqual((call.facts["name.file"], call.facts["name.consent"]), (RECORDED.file, "yes"))
        self.assertEqual((call.written, call.played), ({"name.consent": "yes"}, []))

    def test_consent_not_heard(self) -> None:
        """A sentence that was not heard in full is none, and the record says so."""
        call = CutCall()
        run(Record(consent=CONSENT), call)
        self.assertEqual(call.written, {"record.consent": "no"})

    def test_bare(self) -> None:
        """Without anything it only records; with `beep` the caller hears one."""
        call = FakeCall()
        run(Record(), call)
        self.assertEqual((call.said, call.played, call.written), ([], [], {}))
        self.assertEqual(call.recordings, [RecordLimits(into="record")])
        beeping = FakeCall()
        run(Record(beep=True), beeping)
        self.assertEqual(beeping.played, [BEEP])

    def test_nothing_said(self) -> None:
        """Without a word the flow goes to `otherwise`, or on."""
        for otherwise in ("again", None):
            call = FakeCall(recorded=Recorded("", 0.0, "silence"))
            self.assertEqual(run(Record(otherwise=otherwise), call), otherwise)

    def test_mentions(self) -> None:
        """What it says, needs and sets is known before any call."""
        step = Record(Template.parse("{x}"), CONSENT, transcribe=True, into="a", otherwise="b", voice="v")
        expected = Mentions(
            nodes=("b",),
            voices=("v",),
            hears=True,
            prompts=(Prompt(CONSENT, "v"), Prompt(step.prompt, "v")),
            reads=("x",),
            sets=("a.file", "a.seconds", "a.ended_by", "a.consent"),
            keys=("#",),
            waits=True,
        )
        self.assertEqual(step.mentions(), expected)
        self.assertEqual(Record().mentions().prompts, ())
        self.assertNotIn("record.consent", Record().mentions().sets)

    def test_settings(self) -> None:
        """A consent that is empty, and facts of the call itself, are refused."""
        self.assertRaises(ValueError, Record, consent=Template.parse(" "))
        self.assertRaises(ValueError, Record, into="call")


class RecordCalls(House):
    """A whole call."""

    def test_around_an_agent(self) -> None:
        """A recording before, and one after a conversation: two files, and what was agreed to is in the record."""
        root = Path(self.mktemp())
        root.mkdir()
        agent = ScriptedAgent(self.clock)
        before = Record(consent=CONSENT, into="name", max_seconds=2.0)
        after = Record(into="complaint", max_seconds=2.0)
        told = say("{name.ended_by}, {complaint.ended_by}.")
        self.lives_in(
            flow({"start": [before, Agent("sales"), after, told]}),
            agents={"sales": Colleague(agent)},
            recordings=Recordings(root, self.clock, maybeDeferred),
        )
        call = self.ring()
        self.passes(1.2)
        call.speak(spell("ANN OF YORK"))
        self.passes(3)
        agent.ends()
        self.passes(0.5)
        call.speak(spell("IT IS LATE"))
        self.passes(6)
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual(self.read(call)[-1], "limit, limit.")
        self.assertEqual(record["facts"], {"name.consent": "yes"})
        files = [each["file"] for each in record["recordings"]]
        heard = [read_speech((root / file).read_bytes()[58:]) for file in files]
        self.assertEqual([len(heard), "".join(heard[0])], [2, "ANN OF YORK"])

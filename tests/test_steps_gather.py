"""The step gather: a number, key by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.agents import ScriptedAgent
from tests.house import House, flow, say
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.digits import Gather
from voiced.call.steps.handover import Agent
from voiced.call.template import Template
from voiced.errors import ConfigError
from voiced.ivoiced import Mentions, Prompt
from voiced.settings.flowfile import Names, load_flows
from voiced.settings.registry import Registry
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import FakeCall, Said

PROMPT, WRONG = Template.parse("Your number."), Template.parse("Not {order|that}.")
REGISTRY = Registry.find()


def gather(**settings: Any) -> Gather:
    """Asks for an order's number."""
    return Gather(PROMPT, "order", **settings)


def start(step: Gather, call: FakeCall) -> Deferred[Any]:
    """The step, running."""
    return Deferred.fromCoroutine(step.run(call))


class GatherContract(StepContract, SynchronousTestCase):
    """gather."""

    def make_step(self) -> Gather:
        """With all it can have."""
        return gather(least=2, most=4, invalid=WRONG, private=True, otherwise="nobody", voice="rachel")


class NumberTests(SynchronousTestCase):
    """Numbers that are good."""

    def typed(self, keys: str, pause: float = 0.0, **settings: Any) -> tuple[list[Any], FakeCall]:
        """The answer (none yet: empty) and the call after these keys, and a pause."""
        call, answers = FakeCall(), list[Any]()
        start(gather(**settings), call).addCallback(answers.append)
        for key in keys:
            call.press(key)
        call.clock.advance(pause)
        return answers, call

    def test_ends(self) -> None:
        """With the last digit, with the terminator, or when no key follows."""
        for keys, pause, settings, number in [
            ("1234", 0.0, {"digits": 4}, "1234"),
            ("123#", 0.0, {}, "123"),
            ("123*", 0.0, {"terminator": "*"}, "123"),
            ("123", 4.0, {}, "123"),
            ("12", 1.0, {"least": 2, "between": 1}, "12"),
            ("12345", 0.0, {"least": 2, "most": 5}, "12345"),
            ("123", 4.0, {"terminator": ""}, "123"),
        ]:
            answers, call = self.typed(keys, pause, **settings)
            self.assertEqual((answers, call.facts["order"]), ([None], number), keys)
            self.assertEqual(call.notes, [f"{len(number)} keys"])

    def test_waits(self) -> None:
        """As long as a digit may follow, it waits."""
        for keys, pause, settings in [("123", 3.9, {}), ("123", 0.0, {"digits": 4}), ("", 5.9, {})]:
            self.assertEqual(self.typed(keys, pause, **settings)[0], [])

    def test_typed_ahead(self) -> None:
        """Who types ahead hears no prompt; one that must be heard is heard all the same."""
        for interruptible, said in ((True, []), (False, [Said("Your number.", None, False)])):
            call = FakeCall()
            call.press("12")
            running = start(gather(digits=2, interruptible=interruptible), call)
            self.assertIsNone(self.successResultOf(running))
            self.assertEqual((call.said, call.facts["order"]), (said, "12"))

    def test_left_over(self) -> None:
        """A terminator that the number before did not need is not the end of this one."""
        call = FakeCall()
        call.press("#")
        running = start(gather(digits=2), call)
        call.press("12")
        self.assertIsNone(self.successResultOf(running))
        self.assertEqual((len(call.said), call.facts["order"]), (1, "12"))

    def test_the_time_begins_after_the_prompt(self) -> None:
        """While the prompt is heard, the time for the first digit does not run; a key cuts it."""
        call = FakeCall(pace=10.0)
        running = start(gather(timeout=3, retries=0, otherwise="nobody"), call)
        call.clock.advance(10.0)
        call.clock.advance(2.9)
        self.assertNoResult(running)
        call.clock.advance(0.1)
        self.assertEqual(self.successResultOf(running), "nobody")
        cut = FakeCall(pace=10.0)
        running = start(gather(digits=1), cut)
        cut.press("7")
        self.assertIsNone(self.successResultOf(running))


class WrongTests(SynchronousTestCase):
    """Numbers that are not, and none at all."""

    def test_length(self) -> None:
        """Too few, or a key that is no digit: it is said so, and asked again."""
        for keys in ("12#", "12*4", "#"):
            call = FakeCall()
            running = start(gather(least=3, most=4, invalid=WRONG), call)
            call.press(keys)
            call.clock.advance(4)
            self.assertEqual([said.text for said in call.said], ["Your number.", "Not that.", "Your number."], keys)
            call.press("123#")
            self.assertIsNone(self.successResultOf(running))
            self.assertEqual(call.facts["order"], "123")

    def test_as_often_as_it_says(self) -> None:
        """Then the flow goes to `otherwise`, or on; `on_silence` is for who has pressed nothing."""
        for otherwise, node in (("nobody", "nobody"), (None, None)):
            call = FakeCall(on_silence="hello")
            call.press("1#2#")
            running = start(gather(digits=3, retries=1, otherwise=otherwise), call)
            self.assertEqual(self.successResultOf(running), node)
            self.assertEqual((call.facts["order"], call.notes), ("", ["1 keys", "1 keys"]))

    def test_nothing_to_say(self) -> None:
        """An empty prompt, and an empty `invalid`, are not spoken."""
        call, silent = FakeCall(), Template.parse("")
        running = start(Gather(silent, "order", digits=2, terminator="#", invalid=silent), call)
        for key in "1#12":
            call.press(key)
        self.assertIsNone(self.successResultOf(running))
        self.assertEqual((call.facts["order"], call.said), ("12", []))

    def test_silence(self) -> None:
        """Nobody there: `otherwise`, else the flow's `on_silence`, else on."""
        for otherwise, on_silence, node in [("a", "b", "a"), (None, "b", "b"), (None, None, None)]:
            call = FakeCall(on_silence=on_silence)
            running = start(gather(retries=1, otherwise=otherwise), call)
            call.clock.advance(6)
            self.assertNoResult(running)
            call.clock.advance(6)
            self.assertEqual(self.successResultOf(running), node)
            self.assertEqual((call.notes, len(call.said)), (["no key", "no key"], 2))

    def test_mentions(self) -> None:
        """What it says and waits for is known before any call."""
        mentions = gather(invalid=Template.parse("{a} {b|}"), otherwise="x", voice="v", terminator="*").mentions()
        expected = Mentions(
            nodes=("x",),
            voices=("v",),
            prompts=(Prompt(PROMPT, "v"), Prompt(Template.parse("{a} {b|}"), "v")),
            reads=("a",),
            sets=("order",),
            keys=tuple("0123456789*"),
            waits=True,
        )
        self.assertEqual(mentions, expected)
        self.assertEqual(gather().mentions().nodes, ())


BROKEN = [
    ("{prompt: x}", "the setting 'into' is missing"),
    (
        "{prompt: x, into: 'a b'}",
        "a fact is called like `order.number`: letters, digits, `_` and `-`, not 'a b'",
    ),
    ("{prompt: x, into: call.caller}", "'call.caller' comes of the call itself: name the fact otherwise"),
    (
        "{prompt: x, into: a, digits: 4, most: 5}",
        "`digits` says how many there are: take `least` and `most` out",
    ),
    ("{prompt: x, into: a, least: 5, most: 4}", "`least: 5` is more than `most: 4`"),
    ("{prompt: x, into: a, digits: 0}", "digits: must be at least 1, not '0'"),
    ("{prompt: x, into: a, terminator: 5}", "terminator: must be # or *, or \"\" for none, not '5'"),
]


class FileTests(SynchronousTestCase):
    """Flow files that gather."""

    def test_sentences(self) -> None:
        """Each fault says what to do."""
        directory = Path(self.mktemp())
        directory.mkdir()
        for body, sentence in BROKEN:
            text = f"flow: x\nvoice: v\nstart: a\nnodes:\n  a:\n    - gather: {body}\n"
            (directory / "x.yaml").write_text(text, "utf-8")
            error = self.assertRaises(ConfigError, load_flows, directory, Names(("v",)), REGISTRY)
            self.assertEqual([fault.message for fault in error.faults], [f"node 'a', step 1 (gather): {sentence}"])


class GatherCalls(House):
    """Whole calls."""

    def test_before_and_after_an_agent(self) -> None:
        """Digits are gathered on either side of a conversation, and what is private is nowhere to be read."""
        agent = ScriptedAgent(self.clock)
        pin, rating = gather(digits=4, private=True), Gather(Template.parse("Rate."), "rating", digits=1)
        self.lives_in(
            flow({"start": [pin, Agent("sales"), rating, say("{rating} of five, {order:digits}.")]}),
            agents={"sales": Colleague(agent)},
        )
        with capturedLogs() as logs:
            call = self.ring()
            self.passes(1)
            for key in "5871":
                call.press(key)
                self.passes(0.3)
            self.passes(1)
            agent.ends()
            self.passes(1)
            call.press("4")
            self.passes(5)
        self.assertEqual(self.read(call)[-1], "4 of five, 5 8 7 1.")
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual([step["result"] for step in record["steps"][:2]], ["4 keys", "completed"])
        self.assertNotIn("5871", str(record) + str(logs))

    def test_typed_ahead(self) -> None:
        """All that is typed while a sentence is said goes where it belongs."""
        self.lives_in(flow({"start": [gather(digits=2), Gather(PROMPT, "other"), say("{order}, {other}.")]}))
        call = self.ring()
        self.passes(0.3)
        for key in "12#345#":
            call.press(key)
        self.passes(3)
        self.assertTrue("".join(self.read(call)).endswith("12, 345."), self.read(call))

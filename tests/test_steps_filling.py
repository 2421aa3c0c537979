"""Texts that are not spoken: each step that fills one logs what nobody knows."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, eventAsText
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.steps.asking import Http
from voiced.call.steps.facts import Set
from voiced.call.steps.handover import Agent, Transfer
from voiced.call.steps.queue import Queue
from voiced.call.steps.texting import Sms
from voiced.call.template import Template
from voiced.ivoiced import IStep
from voiced.testing.fake_call import FakeCall

GAP, NONE = Template.parse("Hi {x}."), Template.parse("Hi {x|you}.")
STEPS: list[tuple[IStep, str]] = [
    (Sms(GAP), "a text message"),
    (Set({"a": GAP}), "the fact a"),
    (Http("https://x.example/?a={x}"), "`url`"),
    (Http("https://x.example/", "POST", {"a": GAP}), "`json`"),
    (Agent("a", prompt=GAP), "what the agent is told"),
    (Agent("a", variables={"v": GAP}), "the agent's variable v"),
    (Transfer(Template.parse("{x}")), "`to`"),
    (Queue(Template.parse("{x}")), "`transfer`"),
]


def logged(step: Any) -> list[str]:
    """What is logged of gaps when it runs."""
    with capturedLogs() as events:
        Deferred.fromCoroutine(step.run(FakeCall()))
    return [text for text in map(eventAsText, events) if "nothing is known" in text]


class FillingTests(SynchronousTestCase):
    """Every step that fills something."""

    def test_gaps(self) -> None:
        """A gap is logged, with what it stands in and what to do."""
        for step, what in STEPS:
            (text,) = logged(step)
            self.assertIn(f"nothing is known of x, and {what} has a gap", text)
            self.assertIn("{x|", text)

    def test_none(self) -> None:
        """Where somebody has said what stands there, nothing is logged."""
        for step in (Sms(NONE), Set({"a": NONE}), Agent("a", prompt=NONE)):
            self.assertEqual(logged(step), [])

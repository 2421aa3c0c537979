"""Wishes: which flow, which numbers, how long; and what is wrong with those that cannot be."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.flow import Flow, OnMachine, Placed
from voiced.call.steps.handover import Agent
from voiced.call.steps.routing import Hangup
from voiced.call.wish import MOST_RINGING, Ways, Wish
from voiced.errors import BadWish, Refused
from voiced.icarrier import CallOrder
from voiced.iguard import Party

NUMBER, OURS, OTHER = "+14155550177", "+14155550123", "+442071838750"
TALKS = Flow("talks", "a", {"a": (Placed("agent", Agent("sales")),)})
PLAIN = Flow("plain", "a", {"a": (Placed("hangup", Hangup()),)})
FLOWS = {flow.name: flow for flow in (TALKS, PLAIN)}
ANYBODY = Party("crm")
WAYS = Ways("talks", 30, 600, {OURS: "main", OTHER: "london"})

OTHERS: list[dict[str, Any]] = [
    {"number": "+14155550178"},
    {"flow": "talks"},
    {"flow": ""},
    {"prompt": "Be kind."},
    {"prompt": ""},
    {"first_message": "Be kind."},
    {"variables": {"name": "Ann"}},
    {"variables": {"name": "Bob"}},
    {"variables": {"Ann": "name"}},
    {"from_": OURS},
    {"timeout": 30},
    {"timeout": 600},
    {"max_seconds": 30},
    {"machine_detection": "off"},
    {"machine_detection": "enable"},
]
"""Each of these makes another wish of one that is only a number."""

BAD_NUMBERS = [
    "",
    "+",
    "14155550177",
    "0014155550177",
    "+04155550177",
    "+1415555017x",
    "+123456",
    "+1234567890123456",
    "tel:+14155550177",
    "sip:ann@example.com",
    "+14155550177,+14155550178",
    "+14155550177;ext=1",
    "\uff0b14155550177",
    "+\uff114155550177",
    "+1415555017\u0660",
    "+14155550177\x00",
    "+14155550177<",
]
"""No form of E.164, also where a digit is one to Unicode only."""

DETECTION: list[tuple[OnMachine | None, str | None, str]] = [
    (None, None, ""),
    (OnMachine.HANGUP, None, "enable"),
    (OnMachine.CONTINUE, None, "enable"),
    (OnMachine.LEAVE_MESSAGE, None, "message_end"),
    (None, "enable", "enable"),
    (None, "message_end", "message_end"),
    (OnMachine.CONTINUE, "message_end", "message_end"),
    (OnMachine.HANGUP, "enable", "enable"),
    (OnMachine.LEAVE_MESSAGE, "message_end", "message_end"),
    *((each, "off", "") for each in (None, *OnMachine)),
]
"""The flow's `on_machine`, the wish's `machine_detection`, and what the carrier is asked for."""


class FingerprintTests(SynchronousTestCase):
    """What tells one wish from another."""

    def test_another_wish(self) -> None:
        """Each field that differs, also as empty from absent, makes another fingerprint."""
        wishes = [Wish(NUMBER), *(Wish(**{"number": NUMBER, **more}) for more in OTHERS)]
        self.assertEqual(len({wish.fingerprint for wish in wishes}), len(wishes))

    def test_the_same_wish(self) -> None:
        """The key itself and the order of variables do not."""
        one = Wish(NUMBER, variables={"a": "1", "b": "2"}, idempotency_key="k1")
        other = Wish(NUMBER, variables={"b": "2", "a": "1"}, idempotency_key="k2")
        self.assertEqual(one.fingerprint, other.fingerprint)

    def test_spelling(self) -> None:
        """However its number is spelled, it is the same wish; a number that is written otherwise is another one."""
        for spelled in ("+1 (415) 555-0177", "+1.415.555.0177", " +14155550177\n", "+1-415-555-0177"):
            self.assertEqual(Wish(spelled, prompt="a").fingerprint, Wish(NUMBER, prompt="a").fingerprint, spelled)
        for other in ("14155550177", "+1415555017", "++14155550177", "+1415555017\u0667"):
            self.assertNotEqual(Wish(other).fingerprint, Wish(NUMBER).fingerprint, other)

    def test_spelling_of_the_rest(self) -> None:
        """What is said is not spelled otherwise: spaces count there."""
        one, other = (
            Wish(NUMBER, prompt="a b", variables={"a": "1-2"}),
            Wish(NUMBER, prompt="ab", variables={"a": "12"}),
        )
        self.assertNotEqual(one.fingerprint, other.fingerprint)

    def test_tells_nothing(self) -> None:
        """It is a hash, the same in the next process, too: it stands in the database."""
        self.assertEqual(Wish(NUMBER).fingerprint, "4d2015ee9c73ed48a6e092a2ebe1911219ee192fb7a8442a132644dc390483de")

    @given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
    def test_any_text(self, one: str, other: str) -> None:
        """Whatever is in it, also half a character; two texts never run into one another."""
        first = Wish(NUMBER, prompt=one, first_message=other)
        self.assertRegex(first.fingerprint, r"\A[0-9a-f]{64}\Z")
        swapped = Wish(NUMBER, prompt=other, first_message=one)
        self.assertEqual(first.fingerprint == swapped.fingerprint, one == other)

    def test_hidden(self) -> None:
        """What is to be said stays out of every log."""
        wish = Wish(NUMBER, prompt="secret-1", first_message="secret-2", variables={"name": "secret-3"})
        self.assertNotIn("secret", repr(wish))


class FlowTests(SynchronousTestCase):
    """The flow that somebody is connected with."""

    def flow_of(self, ways: Ways = WAYS, party: Party = ANYBODY, **more: Any) -> Flow:
        """The flow of a wish."""
        return ways.flow_of(Wish(NUMBER, **more), party, FLOWS)

    def test_which(self) -> None:
        """The one that is named, else the one of the settings."""
        self.assertIs(self.flow_of(), TALKS)
        self.assertIs(self.flow_of(flow="plain"), PLAIN)
        self.assertIs(self.flow_of(attrs.evolve(WAYS, flow=None), flow="plain"), PLAIN)

    def test_none(self) -> None:
        """One that is not there, or that nobody names, is the client's fault, at `flow`."""
        for ways, flow, says in [
            (attrs.evolve(WAYS, flow=None), None, "`outbound.flow`"),
            (WAYS, "plian", "no flow of that name"),
            (WAYS, "", "no flow of that name"),
        ]:
            error = self.assertRaises(BadWish, self.flow_of, ways, flow=flow)
            self.assertEqual(error.path, "flow")
            self.assertIn(says, str(error))

    def test_keys_flows(self) -> None:
        """An API key gets its own flows only, also by the settings' default."""
        party = Party("web", frozenset({"plain"}))
        self.assertIs(self.flow_of(party=party, flow="plain"), PLAIN)
        for flow in ("talks", None):
            self.assertEqual(self.assertRaises(Refused, self.flow_of, party=party, flow=flow).rule, "flows")
        self.assertRaises(Refused, self.flow_of, party=Party("none", frozenset()), flow="plain")

    def test_flows_that_are_not_there(self) -> None:
        """A restricted key hears the same of a flow that is not there as of one that is not its own."""
        party = Party("web", frozenset({"plain", "gone"}))
        refused = [
            self.assertRaises(Refused, self.flow_of, party=party, flow=flow) for flow in ("talks", "secret", "")
        ]
        self.assertEqual(
            {(error.rule, str(error), error.retry_after) for error in refused},
            {("flows", "this API key may not use this flow", None)},
        )
        gone = self.assertRaises(BadWish, self.flow_of, party=party, flow="gone")
        self.assertEqual((gone.path, str(gone)), ("flow", "there is no flow of that name"))
        nowhere = attrs.evolve(WAYS, flow=None)
        self.assertEqual(self.assertRaises(BadWish, self.flow_of, nowhere, party).path, "flow")

    def test_not_its_own_agent(self) -> None:
        """Nor does it hear whether a flow of others has an agent."""
        party = Party("web", frozenset({"talks"}))
        self.assertRaises(Refused, self.flow_of, party=party, flow="plain", prompt="Be kind.")

    def test_for_an_agent(self) -> None:
        """`prompt` and `first_message` need an agent in the flow; an empty one, too."""
        for path in ("prompt", "first_message"):
            for text in ("Be kind.", ""):
                self.assertIs(self.flow_of(**{path: text}), TALKS)
                error = self.assertRaises(BadWish, self.flow_of, flow="plain", **{path: text})
                self.assertEqual(error.path, path)
                self.assertIn("'plain' has no agent", str(error))

    def test_variables(self) -> None:
        """A flow gets the variables that it asks for; an empty one is one, and more do no harm."""
        flows = {"plain": attrs.evolve(PLAIN, variables=("name", "day"))}
        for variables in ({"name": "Ann", "day": ""}, {"name": "Ann", "day": "Monday", "hour": "9"}):
            wish = Wish(NUMBER, flow="plain", variables=variables)
            self.assertIs(WAYS.flow_of(wish, ANYBODY, flows), flows["plain"])
        misspelt = Wish(NUMBER, flow="plain", variables={"name": "Ann", "dya": "Monday"})
        error = self.assertRaises(BadWish, WAYS.flow_of, misspelt, ANYBODY, flows)
        self.assertEqual((error.path, str(error)), ("variables.day", "flow 'plain' needs the variable 'day'"))


class OrderTests(SynchronousTestCase):
    """What the carrier is asked for."""

    def order(self, number: str = NUMBER, ways: Ways = WAYS, flow: Flow = TALKS, **more: Any) -> CallOrder:
        """The order of a wish."""
        return ways.order_of(Wish(number, **more), flow, "r1")

    def bad(self, path: str, *args: Any, **more: Any) -> str:
        """What is said of a wish that cannot be."""
        error = self.assertRaises(BadWish, self.order, *args, **more)
        self.assertEqual(error.path, path)
        return str(error)

    def test_as_the_settings_have_it(self) -> None:
        """What is left out is theirs; our first number calls."""
        self.assertEqual(self.order(), CallOrder("main", NUMBER, OURS, "r1", 30, 600, ""))

    def test_as_wished(self) -> None:
        """What is not, is the client's; the number decides which account pays."""
        order = self.order(from_=OTHER, timeout=10, max_seconds=60, machine_detection="enable")
        self.assertEqual(order, CallOrder("london", NUMBER, OTHER, "r1", 10, 60, "enable"))

    def test_rings(self) -> None:
        """It rings as long as is wished, but not longer than a telephone may, or than the settings say themselves."""
        for settings, wished, rings in (
            (30, None, 30),
            (30, 5, 5),
            (30, MOST_RINGING, MOST_RINGING),
            (200, None, 200),
            (200, 150, 150),
            (200, 200, 200),
        ):
            order = self.order(ways=attrs.evolve(WAYS, timeout=settings), timeout=wished)
            self.assertEqual(order.timeout, rings, (settings, wished))
        for settings, wished in ((30, MOST_RINGING + 1), (30, 600), (200, 201)):
            with self.assertRaises(BadWish) as caught:
                self.order(ways=attrs.evolve(WAYS, timeout=settings), timeout=wished)
            self.assertEqual(caught.exception.path, "timeout")

    def test_as_people_write_it(self) -> None:
        """Spaces, dots, brackets and dashes are no part of a number."""
        for written in ("+1 (415) 555-0177", "+1.415.555.0177", " +14155550177\n"):
            self.assertEqual(self.order(written).to, NUMBER)
        self.assertEqual(self.order(from_="+44 20 7183 8750").from_, OTHER)

    def test_shortest_and_longest(self) -> None:
        """E.164 has 7 to 15 digits."""
        for number in ("+1234567", "+123456789012345"):
            self.assertEqual(self.order(number).to, number)

    def test_no_number(self) -> None:
        """Anything else is the client's fault, and is not said back."""
        for number in BAD_NUMBERS:
            said = self.bad("number", number)
            self.assertEqual(
                said,
                "this is not a number: it begins with + (in a form: %2B) and its country, like +14155550100",
                number,
            )

    @given(st.text(st.characters(codec=None)) | st.from_regex(r"\+[\d\s().-]*", fullmatch=True))
    def test_any_number(self, text: str) -> None:
        """Whatever is asked for, what Twilio gets is `+` and ASCII digits."""
        try:
            self.assertRegex(self.order(text).to, r"\A\+[1-9][0-9]{6,14}\Z")
        except BadWish as error:
            self.assertEqual(error.path, "number")

    def test_none_of_ours(self) -> None:
        """We call from our own numbers only."""
        for from_ in ("+14155550199", "", "anonymous", OURS[1:]):
            self.assertEqual(self.bad("from", from_=from_), "this is none of our numbers")
        self.assertIn("set `number`", self.bad("from", ways=attrs.evolve(WAYS, numbers={})))
        self.assertEqual(self.bad("from", ways=Ways(), from_=OURS), "this is none of our numbers")

    def test_detection(self) -> None:
        """The carrier finds out who answers where the flow needs it, unless the wish says otherwise."""
        for on_machine, asked, detect in DETECTION:
            flow = attrs.evolve(TALKS, on_machine=on_machine)
            self.assertEqual(self.order(flow=flow, machine_detection=asked).detect, detect, (on_machine, asked))

    def test_no_beep(self) -> None:
        """A flow that leaves a message has to wait for the beep."""
        flow = attrs.evolve(TALKS, on_machine=OnMachine.LEAVE_MESSAGE, message="a")
        self.assertIn("`message_end`", self.bad("machine_detection", flow=flow, machine_detection="enable"))

"""The step http: what it asks, what becomes of the answer, and what it can be set to."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.steps.asking import Http
from voiced.call.template import Template
from voiced.errors import HttpFailed
from voiced.ivoiced import HttpAnswer, HttpRequest, Mentions, Prompt
from voiced.testing.contracts import StepContract
from voiced.testing.fake_call import INFO, FakeCall, Said

URL = "https://crm.example/calls/{call.sid}?who={party.name|nobody}"
ORDER = b"""\xef\xbb\xbf{"order": {"state": "sent", "total": 21.50, "paid": true, "note": null, "items":
[{"name": "boat"}], "big": 123456789012345678901234567890, "half": "\\ud800", "12": "x"}}"""
INTO = [
    ("order.state", "sent"),
    ("order.total", "21.50"),
    ("order.paid", "true"),
    ("order.note", None),
    ("order.items", None),
    ("order.items.0.name", "boat"),
    ("order.items.1.name", None),
    ("order.items.first", None),
    ("order.state.more", None),
    ("order.big", "123456789012345678901234567890"),
    ("order.half", "?"),
    ("order.12", "x"),
    ("nothing", None),
    ("order", None),
]
"""The way into ORDER -> the fact."""
NOT_JSON = [b"", b"sunny", b'{"a": ', b"\xff", b"[" * 100_000, b'{"a": NaN}', b'{"a": -Infinity}']


def start(step: Http, call: FakeCall) -> Deferred[Any]:
    """The step, running."""
    return Deferred.fromCoroutine(step.run(call))


FILLER = Template.parse("I ask, {name|please wait}.")


def facts(call: FakeCall) -> tuple[str, str]:
    """What it says of the answer."""
    return call.facts["http.status"], call.facts["http.ok"]


class HttpContract(StepContract, SynchronousTestCase):
    """http."""

    def make_step(self) -> Http:
        """With all it can have."""
        rating = Template.parse("{menu.key}")
        return Http(URL, "POST", {"rating": rating}, timeout=3, into={"order.state": "state"}, otherwise="sorry")


class SlowHttpContract(HttpContract):
    """http, while nobody has answered."""

    def make_call(self) -> FakeCall:
        """A service that takes its time, and then refuses."""
        call = FakeCall()
        call.web = deferLater(call.clock, 2.0, HttpAnswer, 500)
        return call


class FillerHttpContract(SlowHttpContract):
    """http, with a sentence meanwhile."""

    def make_step(self) -> Http:
        """That says something."""
        return Http(URL, filler=FILLER, voice="rachel")


class AskTests(SynchronousTestCase):
    """What is asked."""

    def ask(self, step: Http, **known: str) -> HttpRequest:
        """The one request."""
        call = FakeCall()
        call.facts |= known
        self.successResultOf(start(step, call))
        (request,) = call.asked
        return request

    def test_get(self) -> None:
        """Facts stand in their places, quoted; what is not known has its default. There is no body."""
        request = self.ask(Http(URL))
        self.assertEqual(request.url, f"https://crm.example/calls/{INFO.sid}?who=nobody")
        self.assertEqual((request.method, request.body, request.timeout), ("GET", None, 5.0))
        self.assertTrue(self.ask(Http(URL), **{"party.name": "a&b=/ü"}).url.endswith("who=a%26b%3D%2F%C3%BC"))

    def test_body(self) -> None:
        """Methods that have a body send JSON, of texts."""
        texts = {"party": Template.parse("{call.party}"), "said": Template.parse('"{menu.key}"')}
        for method in ("POST", "PUT", "PATCH"):
            request = self.ask(Http("https://x.example/", method, texts, 2), **{"menu.key": "5"})
            self.assertEqual(request.body, b'{"party": "+14155550100", "said": "\\"5\\""}')
            self.assertEqual((request.method, request.timeout), (method, 2))

    def test_nothing_private_is_shown(self) -> None:
        """What is printed of a request or a step has neither URL nor body."""
        step = Http("https://x.example/?key=k-123", "POST", {"who": Template.parse("{call.party}")})
        self.assertNotIn("k-123", repr((step, step.mentions(), self.ask(step))))
        self.assertNotIn("4155550100", repr(self.ask(step)))

    def test_odd_places(self) -> None:
        """A fact that is nothing, or that climbs, asks for nothing else: nobody is asked."""
        for name in ("", "..", "../admin"):
            call = FakeCall()
            call.facts["menu.key"] = name
            step = Http("https://x.example/{menu.key}", otherwise="sorry")
            self.assertEqual(self.successResultOf(start(step, call)), "sorry")
            self.assertEqual((call.asked, facts(call)), ([], ("", "no")))
            self.assertIn("failed: What stands in the URL must", call.notes[0])

    @given(st.text())
    def test_any_fact(self, text: str) -> None:
        """Whatever a fact says, host and path stay what they are."""
        call = FakeCall()
        call.facts["party.name"] = text
        self.successResultOf(start(Http("https://x.example/a/{party.name|b}/c?d={party.name}"), call))
        for request in call.asked:
            self.assertTrue(request.url.isascii())
            self.assertRegex(request.url, r"\Ahttps://x\.example/a/[^/?#]+/c\?d=[^/?#&]*\Z")

    def test_filler(self) -> None:
        """A sentence for who has to wait is heard to its end; where the answer is there at once, none is."""
        call = FakeCall(pace=3.0)
        call.web = deferLater(call.clock, 2.0, HttpAnswer, 200)
        running = start(Http(URL, filler=FILLER, voice="rachel"), call)
        self.assertEqual(call.said, [Said("I ask, please wait.", "rachel", False)])
        call.clock.advance(2.5)
        self.assertNoResult(running)
        call.clock.advance(0.5)
        self.assertIsNone(self.successResultOf(running))
        self.assertEqual(facts(call), ("200", "yes"))
        self.successResultOf(start(Http(URL, filler=FILLER), at_once := FakeCall()))
        self.assertEqual(at_once.said, [])


class AnswerTests(SynchronousTestCase):
    """What becomes of the answer."""

    def answered(
        self, web: HttpAnswer | Exception, into: dict[str, str] | None = None
    ) -> tuple[str | None, FakeCall]:
        """Where it goes on, and the call."""
        call = FakeCall(web=web)
        call.facts["old"] = "before"
        return self.successResultOf(start(Http(URL, into=into or {}, otherwise="sorry"), call)), call

    def test_into(self) -> None:
        """Each part of the answer is a fact, as it is written; what is null, a list or not there is none."""
        for path, text in INTO:
            node, call = self.answered(HttpAnswer(200, ORDER), {"found": path, "old": "nothing"})
            self.assertEqual((node, call.facts.get("found"), facts(call)), (None, text, ("200", "yes")), path)
            self.assertNotIn("old", call.facts)

    def test_nothing_wanted(self) -> None:
        """Without `into` nobody looks at the answer."""
        for body in NOT_JSON:
            node, call = self.answered(HttpAnswer(204, body, whole=False))
            self.assertEqual((node, facts(call), call.notes), (None, ("204", "yes"), ["204"]))

    def test_not_json(self) -> None:
        """An answer that cannot be read is no good one, and sets nothing."""
        for body in NOT_JSON:
            node, call = self.answered(HttpAnswer(200, body), {"found": "a"})
            self.assertEqual((node, facts(call)), ("sorry", ("200", "no")), body[:20])
            self.assertEqual((call.notes[-1], "found" in call.facts), ("200, and the answer is not JSON", False))

    def test_too_long(self) -> None:
        """Nor is one of which only the beginning is there."""
        node, call = self.answered(HttpAnswer(200, b"{}", whole=False), {"found": "a"})
        self.assertEqual((node, call.notes[-1]), ("sorry", "200, and the answer is too long to be read"))

    def test_other_statuses(self) -> None:
        """What is not 2xx is read by nobody; a redirect is not followed."""
        for status in (199, 301, 302, 404, 500):
            node, call = self.answered(HttpAnswer(status, ORDER), {"found": "order.state"})
            self.assertEqual((node, facts(call), "found" in call.facts), ("sorry", (str(status), "no"), False))

    def test_nobody_answers(self) -> None:
        """The flow goes on; why, stands in the record."""
        node, call = self.answered(HttpFailed("crm.example did not answer in time"), {"found": "a"})
        self.assertEqual((node, facts(call)), ("sorry", ("", "no")))
        self.assertEqual(call.notes, ["failed: crm.example did not answer in time"])

    def test_after_the_caller_has_gone(self) -> None:
        """It needs no line."""
        call = FakeCall()
        call.hang_up()
        self.assertIsNone(self.successResultOf(start(Http(URL), call)))
        self.assertEqual((facts(call), call.refused), (("200", "yes"), 0))


class SettingsTests(SynchronousTestCase):
    """What can be written."""

    def test_mentions(self) -> None:
        """All that it names."""
        step = Http(URL, "POST", {"a": Template.parse("{x} {y}")}, into={"z": "z"}, otherwise="sorry")
        self.assertEqual(
            step.mentions(),
            Mentions(
                nodes=("sorry",),
                reads=("call.sid", "x", "y"),
                sets=("http.status", "http.ok", "z"),
                urls=(URL,),
            ),
        )
        self.assertEqual(Http("https://x.example/").mentions().nodes, ())
        filled = Http("https://x.example/", filler=FILLER, voice="v").mentions()
        self.assertEqual((filled.voices, filled.prompts), (("v",), (Prompt(FILLER, "v"),)))

    def test_wrong(self) -> None:
        """Each slip has a sentence."""
        wrong: list[tuple[str, str, dict[str, Any]]] = [
            ("must be like https://", "https://{call.sid}.example/", {}),
            ("without its other one", "https://x.example/{{x}}", {}),
            ("place {1}", "https://x.example/{1}", {}),
            ("place {}", "https://x.example/{}", {}),
            ("`json` is sent by POST", "https://x.example/", {"json": {}}),
            ("`voice` is for the `filler`", "https://x.example/", {"voice": "v"}),
            ("'call.sid' is no name", "https://x.example/", {"into": {"call.sid": "a"}}),
            ("'a b' is no name", "https://x.example/", {"into": {"a b": "a"}}),
            ("'a..b' is no way", "https://x.example/", {"into": {"a": "a..b"}}),
        ]
        for words, url, more in wrong:
            self.assertIn(words, str(self.assertRaises(ValueError, Http, url, **more)))

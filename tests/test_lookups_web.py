"""Callers whom a web service knows: what it is asked, what of its answer is a fact, and what fails how."""

from __future__ import annotations

import json
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from tests.memory_reactor import MemoryReactor
from voiced.call.template import Template
from voiced.errors import LookupFailed
from voiced.ivoiced import ICallerLookup
from voiced.lookups import remembered, web
from voiced.lookups.request import RequestTemplate
from voiced.secret import Secret
from voiced.simulator.memory import elapse
from voiced.testing.contracts import CallerLookupContract
from voiced.testing.fake_call import INFO, FakeCall
from voiced.testing.fakes import FakeTools

PUBLIC = "93.184.216.34"
KEY = "k-123456"
PARTY = "+14155550100"
URL = "http://crm.example.com/callers/{call.party|unknown}"


class Service(Resource):
    """A web service: answers (status, body), or not at all for a body of None."""

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.answer: tuple[int, bytes | None] = (200, b'{"name": "Ann", "vip": true, "visits": 3}')
        self.requests: list[tuple[str, str, str]] = []
        self.headers: dict[bytes, bytes] = {}
        self.lost = 0

    def render(self, request: Any) -> Any:
        """Named by Twisted."""
        status, body = self.answer
        self.requests.append((request.method.decode(), request.uri.decode(), request.content.read().decode()))
        self.headers = {name.lower(): values[0] for name, values in request.requestHeaders.getAllRawHeaders()}
        request.setResponseCode(status)
        request.notifyFinish().addErrback(self._lost)
        if body is None:
            request.write(b"")
            return NOT_DONE_YET
        return body

    def _lost(self, _: Any) -> None:
        self.lost += 1


def network(service: Service) -> MemoryReactor:
    """A reactor whose network has this service in it."""
    reactor = MemoryReactor()
    reactor.names["crm.example.com"] = [PUBLIC]
    reactor.network.listen(PUBLIC, Site(service, reactor=reactor, timeout=None))
    return reactor


class WebCase(SynchronousTestCase):
    """Test cases with a service."""

    def setUp(self) -> None:
        """It runs."""
        self.service = Service()
        self.reactor = network(self.service)

    def lookup(self, url: str = URL, **settings: Any) -> ICallerLookup:
        """The lookup."""
        return web.make(web.Settings(url, **settings), FakeTools(self.reactor))

    def ask(self, lookup: ICallerLookup, party: str = PARTY, **facts: str) -> Deferred[Any]:
        """What it says of a caller, a second later; facts may have `__` for their dots."""
        call = FakeCall(info=attrs.evolve(INFO, caller=party), clock=self.reactor)
        call.facts.update({name.replace("__", "."): value for name, value in facts.items()})
        asking = lookup.lookup(call)
        elapse(self.reactor, 1)
        return asking

    def known(self, lookup: ICallerLookup, party: str = PARTY, **facts: str) -> Any:
        """The facts."""
        return self.successResultOf(self.ask(lookup, party, **facts))

    def failure(self, lookup: ICallerLookup, party: str = PARTY, **facts: str) -> str:
        """The sentence that it fails with. It has no number in it, and no key."""
        sentence = str(self.failureResultOf(self.ask(lookup, party, **facts), LookupFailed).value)
        self.assertNotIn("555", sentence)
        self.assertNotIn(KEY, sentence)
        return sentence


class AskedTests(WebCase):
    """What the service is asked."""

    def test_get(self) -> None:
        """Facts are quoted in path and query; one that is not known gives its default."""
        url = "http://crm.example.com/callers/{call.party}?tier={party.tier|none}&name={party.name}&lang=en"
        self.assertEqual(self.known(self.lookup(url)), {"name": "Ann", "vip": "true", "visits": "3"})
        self.known(self.lookup(url), party__tier="a&b=c#/..", party__name="Zoë")
        self.assertEqual(
            self.service.requests,
            [
                ("GET", "/callers/%2B14155550100?tier=none&name=&lang=en", ""),
                ("GET", "/callers/%2B14155550100?tier=a%26b%3Dc%23%2F..&name=Zo%C3%AB&lang=en", ""),
            ],
        )
        self.assertEqual(self.service.headers[b"accept"], b"application/json")
        self.assertNotIn(b"content-type", self.service.headers)

    def test_post(self) -> None:
        """A body is JSON, whatever the facts hold."""
        body = {"who": Template.parse("{call.party}"), "note": Template.parse('{{"{party.name}"}}')}
        lookup = self.lookup("http://crm.example.com/search", method="POST", json=body)
        self.known(lookup, party__name='"}\r\n\ud800é')
        ((method, uri, text),) = self.service.requests
        self.assertEqual((method, uri), ("POST", "/search"))
        self.assertEqual(json.loads(text), {"who": PARTY, "note": '{""}\r\n\ud800é"}'})
        self.assertEqual(self.service.headers[b"content-type"], b"application/json")

    def test_empty_post(self) -> None:
        """A POST without `json` has an object of nothing."""
        self.known(self.lookup(method="POST"))
        self.assertEqual(self.service.requests[0][2], "{}")

    def test_headers(self) -> None:
        """They may hold facts; one that comes out empty is not sent; ours are replaced."""
        self.reactor.network.listen("10.0.0.1", Site(self.service, reactor=self.reactor, timeout=None))
        headers = {"Authorization": f"Bearer {KEY}", "X-To": "{call.called}", "X-Tier": "{party.tier}", "Accept": "x"}
        secrets = {name: Secret(value) for name, value in headers.items()}
        self.known(self.lookup("http://10.0.0.1/", headers=secrets, allow_private=True))
        sent = {name: self.service.headers.get(name) for name in (b"authorization", b"x-to", b"x-tier", b"accept")}
        self.assertEqual(list(sent.values()), [f"Bearer {KEY}".encode(), INFO.called.encode(), None, b"x"])

    def test_hostile_headers(self) -> None:
        """No fact ends a header and begins another."""
        lookup = self.lookup(headers={"X-Name": Secret("{party.name}")}, allow_private=True)
        for name in ("a\r\nX-Admin: 1", "a\nb", "a\0b", "é", "a\x7fb", "\ud800"):
            self.assertIn("'x-name' would hold a line break", self.failure(lookup, party__name=name))
        self.assertEqual(self.service.requests, [])

    def test_no_traversal(self) -> None:
        """No fact climbs out of its place; one that is empty would ask for something else."""
        lookup = self.lookup("http://crm.example.com/callers/{call.party}")
        for party in ("..", ".", "../admin", "a/../..", "..\\..", "a/..;x/b", "", "x/.."):
            self.assertIn("`url` cannot be filled", self.failure(lookup, party))
        self.assertEqual(self.service.requests, [])
        self.known(self.lookup(), "")
        self.assertEqual(self.service.requests[0][1], "/callers/unknown")

    @given(st.text())
    def test_any_party(self, party: str) -> None:
        """Whoever calls, host and beginning of the path stay what they are, and there is one more part."""
        template = RequestTemplate.parse("https://crm.example.com/v1/{call.party}/x?y={call.party}", {}, None)
        try:
            url = template.fill({"call.party": party}).url
        except LookupFailed:
            return
        self.assertTrue(url.isascii())
        self.assertTrue(url.startswith("https://crm.example.com/v1/"))
        self.assertEqual((url.count("/"), url.count("?"), url.count("&"), url.count("#")), (5, 1, 0, 0))


class AnsweredTests(WebCase):
    """What of an answer is a fact."""

    def test_at_the_top(self) -> None:
        """Without `facts`, every text, number and truth at the top whose name a flow can read."""
        for body, facts in (
            (b"{}", {}),
            (b"null", {}),
            (b'\xef\xbb\xbf {"a": "x"}', {"a": "x"}),
            (b'{"a": "x", "b": null, "c": [1], "d": {"e": 1}, "f": false}', {"a": "x", "f": "false"}),
            (b'{"a": 12.50, "b": 3.0, "c": 1e3, "d": -0.0}', {"a": "12.50", "b": "3.0", "c": "1000", "d": "-0.0"}),
            (b'{"first name": "Ann", "a.b": 1, "a-b": 1, "1st": 1, "": 1, "Name": "Ann"}', {"Name": "Ann"}),
        ):
            self.service.answer = (200, body)
            self.assertEqual(self.known(self.lookup(cache=0)), facts, body)

    def test_paths(self) -> None:
        """With `facts`, what stands at each path; nothing where nothing stands."""
        self.service.answer = (200, b'{"customer": {"name": "Ann", "1": "one"}, "orders": [{"id": 7}], "x": null}')
        for path, facts in (
            ("customer.name", {"it": "Ann"}),
            ("customer.1", {"it": "one"}),
            ("orders.0.id", {"it": "7"}),
            ("orders.1.id", {}),
            ("orders.-1.id", {}),
            ("orders.id", {}),
            ("customer.name.first", {}),
            ("x", {}),
            ("nobody", {}),
        ):
            self.assertEqual(self.known(self.lookup(facts={"it": path})), facts, path)
        self.service.answer = (200, b'[{"id": 7}]')
        self.assertEqual(self.known(self.lookup(facts={"it": "0.id"})), {"it": "7"})

    def test_no_value(self) -> None:
        """A path that leads to a list is left out, and the operator is told."""
        self.service.answer = (200, b'{"orders": [1], "name": "Ann"}')
        with capturedLogs() as events:
            facts = self.known(self.lookup(facts={"it": "orders", "name": "name"}))
        self.assertEqual(facts, {"name": "Ann"})
        self.assertEqual([event["name"] for event in events if "leads to a list" in event["log_format"]], ["it"])

    def test_not_known(self) -> None:
        """404 and 204 are answers."""
        for status in (404, 204):
            self.service.answer = (status, b"")
            self.assertEqual(self.known(self.lookup()), {})

    def test_bad_answers(self) -> None:
        """Everything else is a sentence for the operator, without what the service or the caller said."""
        for status, body, words in (
            (200, b"", "no JSON"),
            (200, b"<html>+1415555", "no JSON"),
            (200, b'{"a": ', "no JSON"),
            (200, b'{"a": "\xff"}', "no JSON"),
            (200, b"[" * 60_000, "no JSON"),
            (200, b'{"a": 1e999}', "no JSON"),
            (200, b'{"a": ' + b"9" * 5000 + b"}", "no JSON"),
            (200, b"[1]", "no object: say in `facts`"),
            (200, b'"Ann"', "no object"),
            (200, b'{"a": "' + b"x" * 200_000 + b'"}', "more than 128 KiB"),
            (302, b"", "(302), and we do not follow"),
            (401, b"", "does not let us in (401)"),
            (403, b"", "does not let us in (403)"),
            (400, b"{}", "answered 400: check `url`"),
            (429, b"{}", "(429)"),
            (500, b"{}", "trouble of its own, or is asked too often (500)"),
        ):
            self.service.answer = (status, body)
            sentence = self.failure(self.lookup())
            self.assertTrue(sentence.startswith("crm.example.com "), sentence)
            self.assertIn(words, sentence)


class TroubleTests(WebCase):
    """What the network does to it."""

    def test_trouble(self) -> None:
        """Each trouble of the network is a sentence."""
        self.reactor.names["nobody.example.com"] = []
        self.assertIn("cannot be found", self.failure(self.lookup("http://nobody.example.com/{call.party}")))
        self.reactor.network.refuse(PUBLIC)
        self.assertIn("refused the connection", self.failure(self.lookup()))
        self.reactor.network.accept(PUBLIC)
        self.service.answer = (200, None)
        asking = self.ask(self.lookup())
        self.reactor.network.cut(PUBLIC)
        elapse(self.reactor, 0.1)
        self.assertIn("was lost", str(self.failureResultOf(asking, LookupFailed).value))

    def test_private(self) -> None:
        """A name that turns out to be inside is not asked, unless that is allowed."""
        self.reactor.names["crm.example.com"] = ["169.254.169.254"]
        self.assertIn("is in our own network", self.failure(self.lookup()))
        self.assertEqual(self.reactor.connected, [])
        self.failure(self.lookup(allow_private=True))
        self.assertEqual(self.reactor.connected, ["169.254.169.254"])

    def test_slow(self) -> None:
        """After its own time it fails, and the connection is closed."""
        self.service.answer = (200, None)
        self.assertEqual(self.failure(self.lookup(timeout=0.5)), "crm.example.com did not answer within 0.5 s")
        self.assertEqual(self.service.lost, 1)

    def test_cancelled(self) -> None:
        """Cancelling closes the connection."""
        self.service.answer = (200, None)
        asking = self.ask(self.lookup())
        asking.cancel()
        self.failureResultOf(asking, CancelledError)
        elapse(self.reactor, 0.1)
        self.assertEqual(self.service.lost, 1)


class RememberedTests(WebCase):
    """What is asked again, and what is not."""

    def asked(self) -> int:
        """How often the service was asked."""
        return len(self.service.requests)

    def test_cache(self) -> None:
        """The same is not asked again for a minute; another caller is."""
        lookup = self.lookup()
        self.known(lookup)
        self.service.answer = (404, b"")
        self.assertEqual(self.known(lookup)["name"], "Ann")
        self.assertEqual((self.known(lookup, "+442071234567"), self.asked()), ({}, 2))
        self.assertEqual((self.known(lookup, "+442071234567"), self.asked()), ({}, 2))
        self.reactor.advance(60)
        self.assertEqual((self.known(lookup), self.asked()), ({}, 3))

    def test_no_cache(self) -> None:
        """With 0 every call asks."""
        lookup = self.lookup(cache=0)
        self.known(lookup)
        self.known(lookup)
        self.assertEqual(self.asked(), 2)

    def test_headers_and_body(self) -> None:
        """Nobody gets the answer to what another one asked, be the difference in a header or in the body."""
        names = {"X-Name": Secret("{party.name}")}
        for lookup in (
            self.lookup("http://crm.example.com/", headers=names, allow_private=True),
            self.lookup("http://crm.example.com/", method="POST", json={"name": Template.parse("{party.name}")}),
        ):
            self.service.requests.clear()
            for name in ("Ann", "Bo", "Ann"):
                self.known(lookup, party__name=name)
            self.assertEqual(self.asked(), 2)

    def test_failures(self) -> None:
        """A failure is not remembered."""
        lookup = self.lookup()
        self.service.answer = (500, b"")
        self.failure(lookup)
        self.service.answer = (200, b'{"name": "Ann"}')
        self.assertEqual(self.known(lookup), {"name": "Ann"})

    def test_own_copy(self) -> None:
        """What a call does to its answer, no other call sees."""
        lookup = self.lookup()
        self.known(lookup).clear()
        self.assertEqual(self.known(lookup)["name"], "Ann")

    def test_bounded(self) -> None:
        """Of too many, the one goes that was not asked for longest."""
        self.patch(remembered, "MOST", 2)
        lookup = self.lookup()
        for party in ("+1", "+2", "+1", "+3", "+1"):
            self.known(lookup, party)
        self.assertEqual(self.asked(), 3)
        self.known(lookup, "+2")
        self.assertEqual(self.asked(), 4)


class SettingsTests(SynchronousTestCase):
    """What is refused before anybody calls."""

    def refuse(self, words: str, url: str = "https://x.example/", **settings: Any) -> None:
        """These settings are refused, with a sentence that has these words, and no key."""
        error = self.assertRaises(ValueError, web.Settings, url, **settings)
        self.assertIn(words, str(error))
        self.assertNotIn(KEY, str(error))

    def test_urls(self) -> None:
        """A URL is fixed up to its path, points outside, and has places of facts only."""
        for url, words in (
            ("https://{call.party}.example/", "must be like https://"),
            ("https://x.example/../y", "`..`"),
            ("https://x.example/{call.party", "brace"),
            (f"https://a:{KEY}@x.example/", "user's name"),
            ("https://10.0.0.7/", "points inside"),
            ("https://crm/", "points inside"),
            ("https://x.example/{}", "is not a place like"),
            ("https://x.example/{1a}", "is not a place like"),
            ("https://x.example/{call.}", "is not a place like"),
            ("https://x.example/{a|b/c}", "may not hold any of"),
            ("https://x.example/{a|?b}", "may not hold any of"),
            ("https://x.example/{a|%2e}", "may not hold any of"),
        ):
            self.refuse(words, url)
        web.Settings("https://10.0.0.7/{call.party|x}", allow_private=True)

    def test_headers(self) -> None:
        """Headers are those that can be set, once, on one line, where nobody reads them."""
        for headers, words in (
            ({"Host": "x"}, "can be set"),
            ({"a b": "x"}, "can be set"),
            ({"X": f"{KEY}\r\nY: z"}, "line break"),
            ({"X": "ü"}, "line break"),
            ({"X": "{a|ü}"}, "line break"),
            ({"X": f"{KEY}{{"}, "'X': the brace at character 9"),
            ({"X": "a", "x": "b"}, "twice"),
        ):
            self.refuse(words, headers={name: Secret(value) for name, value in headers.items()})
        self.refuse("read on the way", "http://x.example/", headers={"X": Secret(KEY)})

    def test_facts_and_body(self) -> None:
        """Names that a flow can read, paths that can be, and a body where there is one."""
        for name, path in (("a b", "x"), ("a.b", "x"), ("1", "x"), ("a-b", "x")):
            self.refuse("no name that a flow can read", facts={name: path})
        for path in ("", ".", "a..b", "a.", "a b"):
            self.refuse("write a path like customer.name", facts={"a": path})
        self.refuse("write `method: POST`", json={"a": Template.parse("x")})

    def test_secrets_are_not_shown(self) -> None:
        """Neither the settings nor the lookup show a key."""
        settings = web.Settings(f"https://x.example/?key={KEY}", headers={"X": Secret(KEY)})
        lookup = web.make(settings, FakeTools(MemoryReactor()))
        self.assertNotIn(KEY, repr(settings) + repr(lookup))


class WebContract(CallerLookupContract, SynchronousTestCase):
    """The lookup `web` keeps what lookups promise."""

    known = PARTY
    unknown = None

    def make_lookup(self) -> ICallerLookup:
        """A lookup, and a service that knows everybody."""
        self.service = Service()
        self.clock = network(self.service)
        return web.make(web.Settings(URL), FakeTools(self.clock))

    def break_lookup(self) -> None:
        """The service is down."""
        self.service.answer = (503, b"")

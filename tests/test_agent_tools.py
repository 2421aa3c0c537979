"""The tools of live agents: what each asks, does and answers, and what it refuses."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, inlineCallbacks, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from tests.certificates import certificate
from tests.memory_reactor import MemoryReactor
from voiced.agents.tools import dtmf, hang_up, http, opt_out, transfer
from voiced.agents.tools.parameters import Parameter, checked, schema
from voiced.call.dtmf import tones
from voiced.errors import ToolFailed
from voiced.ivoiced import Heard, Outcome, ToolResult
from voiced.net.url import UrlTemplate
from voiced.secret import Secret
from voiced.simulator.memory import elapse
from voiced.testing.fake_call import FakeCall
from voiced.testing.fakes import FakeTools

PUBLIC = "93.184.216.34"
KEY = "k-123456"


class ToolCase(SynchronousTestCase):
    def setUp(self):
        self.reactor = MemoryReactor()
        self.tools = FakeTools(self.reactor)
        self.call = FakeCall(clock=self.reactor)

    def run_tool(self, tool, **arguments):
        """The Deferred of a use, a second later."""
        running = tool.run(self.call, arguments)
        elapse(self.reactor, 1)
        return running

    def result(self, tool, **arguments):
        return self.successResultOf(self.run_tool(tool, **arguments))

    def refusal(self, tool, **arguments):
        """The sentence that it fails with."""
        return str(self.failureResultOf(self.run_tool(tool, **arguments), ToolFailed).value)


class HangUpTests(ToolCase):
    def test_hang_up(self):
        """It leaves the call, with the agent's reason as a fact."""
        tool = hang_up.make(hang_up.Settings(), self.tools)
        for arguments, reason in (({"reason": " goodbye "}, "goodbye"), ({}, ""), ({"reason": 5}, "")):
            result = self.result(tool, **arguments)
            self.assertEqual(result.leave, Outcome("hung_up", {"reason": reason}))
            self.assertFalse(result.error)

    def test_long_reason(self):
        """A reason is a few words."""
        result = self.result(hang_up.make(hang_up.Settings(), self.tools), reason="x" * 10_000)
        self.assertEqual(len(result.leave.facts["reason"]), 200)

    def test_description(self):
        """Each of them has one, and may have another."""
        for module in (hang_up, transfer, dtmf, opt_out):
            self.assertEqual(module.make(module.Settings(), self.tools).description, module.DESCRIPTION)
            self.assertEqual(module.make(module.Settings(description="x"), self.tools).description, "x")


class TransferTests(ToolCase):
    def setUp(self):
        super().setUp()
        settings = transfer.Settings({"sales": "+1 (415) 555-0100", "support": "+14155550101"})
        self.tool = transfer.make(settings, self.tools)

    def test_transfer(self):
        """The agent chooses a name, and the number goes with it."""
        outcome = Outcome("transferred", {"to": "sales", "number": "+14155550100", "reason": "a question"})
        self.assertEqual(self.result(self.tool, to="sales", reason="a question").leave, outcome)

    def test_parameters(self):
        """The names are a choice; the numbers are nowhere."""
        self.assertEqual(self.tool.parameters["properties"]["to"]["enum"], ["sales", "support"])
        self.assertEqual(self.tool.parameters["required"], ["to"])
        self.assertNotIn("555", json.dumps(self.tool.parameters))

    def test_to_nobody(self):
        """A name that is not there is refused, and so is a number."""
        for to in ("boss", "+14155550100", "SALES", ["sales"], 5):
            self.refusal(self.tool, to=to)
        self.assertEqual(self.refusal(self.tool, to="boss"), "to must be one of: sales, support.")
        self.assertEqual(self.refusal(self.tool), "to is missing.")

    def test_handover(self):
        """Where nobody is named, the flow decides."""
        tool = transfer.make(transfer.Settings(), self.tools)
        self.assertEqual(list(tool.parameters["properties"]), ["reason"])
        self.assertEqual(self.result(tool, reason="upset").leave, Outcome("handover", {"reason": "upset"}))

    def test_settings(self):
        """What is no number is refused at load, and so is one without a name."""
        for to in ({"a": "4155550100"}, {"a": "+1415555010x"}, {"a": "+0"}, {"a": ""}, {" ": "+14155550100"}):
            self.assertRaises(ValueError, transfer.Settings, to)


class DtmfTests(ToolCase):
    def setUp(self):
        super().setUp()
        self.tool = dtmf.make(dtmf.Settings(), self.tools)

    def test_keys(self):
        """The tones are played to their end, whatever the caller presses; digits may be grouped."""
        self.call = FakeCall(clock=self.reactor, pace=1.0)
        running = self.tool.run(self.call, {"digits": "12w-#"})
        self.assertNoResult(running)
        self.call.press("5")
        self.reactor.advance(1.2)
        self.assertEqual(self.successResultOf(running), ToolResult("The keys were pressed."))
        self.assertEqual(self.call.played, [tones("12w#")])

    def test_refused(self):
        """What is no key is not played, nor are too many of them."""
        for digits in ("", "  ", "12x", "one", "1" * 33, None, {}, 12):
            self.refusal(self.tool, digits=digits)
        self.assertEqual(self.call.played, [])
        self.assertFalse(self.result(self.tool, digits="1" * 32).error)

    def test_cut(self):
        """Tones that were cut off are an error."""
        self.call.play = lambda audio, interruptible: succeed(Heard(0.1, 0.2, cut=True))
        self.refusal(self.tool, digits="12")

    def test_cancelled(self):
        """Cancelling stops it."""
        self.call = FakeCall(clock=self.reactor, pace=1.0)
        running = self.tool.run(self.call, {"digits": "12"})
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertEqual(self.reactor.waiting, [])


class Service(Resource):
    """A web service: answers (status, body), or not at all for a body of None."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.answer = (200, b'{ "sky": "blue",\n "temperature": 21.50 }')
        self.requests = []
        self.lost = 0

    def render(self, request):
        status, body = self.answer
        self.requests.append((request.method.decode(), request.uri.decode(), request.content.read().decode()))
        self.headers = {name.lower(): values[0] for name, values in request.requestHeaders.getAllRawHeaders()}
        request.setResponseCode(status)
        request.notifyFinish().addErrback(self._lost)
        if body is None:
            request.write(b"")
            return NOT_DONE_YET
        return body

    def _lost(self, _):
        self.lost += 1


class HttpCase(ToolCase):
    def setUp(self):
        super().setUp()
        self.service = Service()
        self.reactor.names["weather.example.com"] = [PUBLIC]
        self.reactor.network.listen(PUBLIC, Site(self.service, reactor=self.reactor, timeout=None))
        self.events = self.enterContext(capturedLogs())

    def tool(self, url="http://weather.example.com/v1/{city}", **settings):
        settings.setdefault("parameters", {"city": Parameter("The city's name.")})
        return http.make(http.Settings("Weather.", url, **settings), self.tools)

    def logged(self):
        events = [event for event in self.events if event.get("log_namespace") == "voiced.agents.tools.http"]
        return [event["log_format"].format(**event) for event in events]


class HttpRequestTests(HttpCase):
    def test_get(self):
        """What is in the URL goes there, the rest to the query; what nobody asked for goes nowhere."""
        parameters = {name: Parameter(required=name == "city") for name in ("city", "unit", "day")}
        tool = self.tool("http://weather.example.com/v1/{city}?lang=en", parameters=parameters)
        self.result(tool, city="São Paulo/SP?#&", unit="°C & more", other="x")
        uri = "/v1/S%C3%A3o%20Paulo%2FSP%3F%23%26?lang=en&unit=%C2%B0C+%26+more"
        self.assertEqual(self.service.requests, [("GET", uri, "")])
        self.assertNotIn(b"content-type", self.service.headers)

    def test_query_place(self):
        """A place in the query is filled so that nothing else can be put there."""
        self.result(self.tool("http://weather.example.com/?q={city}&key=1"), city="a&key=2#..")
        self.assertEqual(self.service.requests[0][1], "/?q=a%26key%3D2%23..&key=1")

    def test_body(self):
        """Methods with a body get JSON, of the types that were declared."""
        kinds = ("string", "integer", "number", "boolean")
        parameters = {kind: Parameter(type=kind) for kind in kinds} | {"city": Parameter()}
        for method in ("POST", "PUT", "PATCH"):
            tool = self.tool(method=method, parameters=parameters)
            self.result(tool, city="x", string="é", integer="5", number=0.5, boolean=True)
            body = '{"string": "\\u00e9", "integer": 5, "number": 0.5, "boolean": true}'
            self.assertEqual(self.service.requests.pop(), (method, "/v1/x", body))
            self.assertEqual(self.service.headers[b"content-type"], b"application/json")

    def test_delete(self):
        """A method without a body."""
        self.result(
            self.tool(method="DELETE", parameters={"city": Parameter(), "sure": Parameter(type="boolean")}),
            city="x",
            sure=True,
        )
        self.assertEqual(self.service.requests, [("DELETE", "/v1/x?sure=true", "")])

    def test_headers(self):
        """Ours, and those that are declared, which come first."""
        self.reactor.network.listen("10.0.0.1", Site(self.service, reactor=self.reactor, timeout=None))
        headers = {"Authorization": Secret(f"Bearer {KEY}"), "User-Agent": Secret("acme")}
        self.result(self.tool("http://10.0.0.1/{city}", headers=headers, allow_private=True), city="x")
        self.assertEqual(self.service.headers[b"authorization"], f"Bearer {KEY}".encode())
        self.assertEqual(self.service.headers[b"user-agent"], b"acme")
        self.assertTrue(self.service.headers[b"accept"].startswith(b"application/json"))

    def test_no_traversal(self):
        """No argument climbs out of its place; one that is empty would ask for something else, too."""
        for city in ("..", ".", "../admin", "a/../..", "..\\..", "a/..;x/b", "", "x/.."):
            self.refusal(self.tool(), city=city)
        self.refusal(
            self.tool("http://weather.example.com/{a}{b}/x", parameters={"a": Parameter(), "b": Parameter()}),
            a=".",
            b=".",
        )
        self.assertEqual(self.service.requests, [])
        self.result(self.tool(), city="...")
        self.result(self.tool("http://weather.example.com/v1-{city}"), city="..")

    def test_arguments(self):
        """Arguments that are missing or of another kind are refused, with a sentence for the agent."""
        parameters = {"city": Parameter(enum=("Rome", "Oslo")), "days": Parameter(type="integer", required=False)}
        tool = self.tool(parameters=parameters)
        self.assertEqual(self.refusal(tool), "city is missing.")
        self.assertEqual(self.refusal(tool, city=None), "city is missing.")
        self.assertEqual(self.refusal(tool, city="Bonn"), "city must be one of: Rome, Oslo.")
        self.assertEqual(self.refusal(tool, city="Rome", days="two"), "days must be a whole number.")
        self.assertEqual(self.service.requests, [])

    @given(st.text())
    def test_any_city(self, city):
        """Whatever the argument is, host and beginning of the path stay what they are, and there is one more part."""
        template = UrlTemplate.parse("https://weather.example.com/v1/{city}/today?x={city}")
        try:
            url = template.fill({"city": city}, {"q": city})
        except ValueError:
            return
        self.assertTrue(url.isascii())
        self.assertTrue(url.startswith("https://weather.example.com/v1/"))
        self.assertEqual((url.count("/"), url.count("?"), url.count("&"), url.count("#")), (5, 1, 1, 0))


class HttpAnswerTests(HttpCase):
    def test_json(self):
        """JSON is told without its spaces."""
        self.assertEqual(self.result(self.tool(), city="x"), ToolResult('{"sky":"blue","temperature":21.50}'))

    def test_text(self):
        """Text is told as it is, whatever its bytes are."""
        for body, text in (
            (b" Sunny.\n", "Sunny."),
            (b"gr\xfcn", "gr�n"),
            (b'{"a": ', '{"a":'),
            (b'"\xff"', '"�"'),
            (b"[" * 60_000, "[" * 60_000),
            (b"", "It is done; the service said nothing more."),
        ):
            self.service.answer = (200, body)
            self.assertEqual(self.result(self.tool(), city="x"), ToolResult(text))

    def test_long(self):
        """Of a long answer the beginning is told."""
        self.service.answer = (200, b"x" * 1_000_000)
        self.assertEqual(self.result(self.tool(), city="x").text, "x" * http.MOST_BYTES)

    def test_no_text(self):
        """A picture is nothing that can be told."""
        self.service.answer = (200, b"\x89PNG\r\n\x1a\n\0\0\0")
        self.assertEqual(self.refusal(self.tool(), city="x"), "The service answered with something that is no text.")

    def test_refused(self):
        """Any other status is an error, with the beginning of what the service says of it; redirects too."""
        for status in (302, 404, 500):
            self.service.answer = (status, b'{"error": "' + b"x" * 1000 + b'"}')
            result = self.result(self.tool(), city="secretville")
            self.assertTrue(result.error)
            self.assertTrue(result.text.startswith(f'The service answered {status}: {{"error":"xx'))
            self.assertLess(len(result.text), 600)
            self.assertEqual(self.logged()[-1], f"{self.call.info.sid}: weather.example.com answered {status}")
        self.assertEqual(len(self.service.requests), 3)
        self.assertNotIn("secretville", str(self.logged()))

    def test_private(self):
        """A name that turns out to be inside is not asked; the operator is told why, the agent is not."""
        self.reactor.names["weather.example.com"] = ["169.254.169.254"]
        self.assertEqual(self.refusal(self.tool(), city="x"), "The service cannot be reached now.")
        self.assertIn("weather.example.com is in our own network", self.logged()[0])
        self.assertEqual(self.reactor.connected, [])

    def test_trouble(self):
        """Each trouble of the network is told the agent in one sentence, and the operator in its own."""
        self.reactor.names["nobody.example.com"] = []
        self.refusal(self.tool("http://nobody.example.com/{city}"), city="x")
        self.reactor.network.refuse(PUBLIC)
        self.refusal(self.tool(), city="x")
        self.reactor.network.accept(PUBLIC)
        self.service.answer = (200, None)
        running = self.tool().run(self.call, {"city": "x"})
        elapse(self.reactor, 1)
        self.reactor.network.cut(PUBLIC)
        elapse(self.reactor, 1)
        self.failureResultOf(running, ToolFailed)
        for words, line in zip(("cannot be found", "refused", "was lost"), self.logged(), strict=True):
            self.assertIn(words, line)

    def test_cancelled(self):
        """Cancelling closes the connection."""
        self.service.answer = (200, None)
        running = self.run_tool(self.tool(), city="x")
        running.cancel()
        self.failureResultOf(running, CancelledError)
        elapse(self.reactor, 1)
        self.assertEqual(self.service.lost, 1)


class HttpTlsTests(TestCase):
    @inlineCallbacks
    def test_bad_certificate(self):
        """A service with a certificate that nobody vouches for is not asked, and the operator is told why."""
        from twisted.internet import reactor

        service = Service()
        port = reactor.listenSSL(0, Site(service), certificate().options(), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        settings = http.Settings("x", f"https://localhost:{port.getHost().port}/", allow_private=True)
        with capturedLogs() as events:
            running = http.make(settings, FakeTools(reactor)).run(FakeCall(), {})
            yield self.assertFailure(running, ToolFailed)
        self.assertIn("has no good TLS certificate", str([event.get("reason") for event in events]))
        self.assertEqual(service.requests, [])


class HttpSettingsTests(SynchronousTestCase):
    def refuse(self, words, url="https://x.example/", **settings):
        """These settings are refused, with a sentence that has these words, and nothing of the URL."""
        error = self.assertRaises(ValueError, http.Settings, "x", url, **settings)
        self.assertIn(words, str(error))
        self.assertNotIn(KEY, str(error))

    def test_inside(self):
        """A URL that points inside is refused, in all spellings, unless it is allowed."""
        for host in ("127.0.0.1", "localhost:8080", "[::1]", "[::ffff:7f00:1]", "0x7f000001", "2130706433", "127.1"):
            self.refuse("points inside", f"https://{host}/")
            http.Settings("x", f"https://{host}/", allow_private=True)
        for host in ("169.254.169.254", "10.0.0.7", "100.64.0.1", "db.internal", "crm", "[fd00::1]", "0.0.0.0"):  # noqa: S104
            self.refuse("points inside", f"https://{host}/")

    def test_urls(self):
        """A URL is fixed up to its path."""
        city = {"parameters": {"x": Parameter()}}
        for url in ("https://{x}.example/", "https://x.example:{x}/", "{x}://x.example/", "https://x.example{x}/"):
            self.refuse("must be like https://", url, **city)
        for url in (
            "ftp://x.example/",
            "x.example",
            "https:///x",
            "https://x.example:99999/",
            "https://[x/",
            "https://x.example:0/",
        ):
            self.refuse("must be like https://", url)
        for url in (f"https://a:{KEY}@x.example/", "https://{x}@x.example/"):
            self.refuse("user's name", url, **city)
        for url in ("https://x.example/\n", "https://x.example/ü", "https://x.example\\@y/", "https://x.example/#x"):
            self.refuse("plain ASCII", url)
        for url in ("https://x.example/../y", "https://x.example/%2e%2E/y", "https://x.example/a%2f..%2fb"):
            self.refuse("`..`", url)
        for url in ("https://x.example/{x", "https://x.example/x}", "https://x.example/{{x}}"):
            self.refuse("brace", url, **city)

    def test_places(self):
        """Each place has a parameter, which is always there."""
        self.refuse("no parameter is called so", "https://x.example/{x}")
        self.refuse("cannot be left out", "https://x.example/{x}", parameters={"x": Parameter(required=False)})
        self.refuse("a name is made of", parameters={"a b": Parameter()})

    def test_headers(self):
        """Headers are those that can be set, on one line, where nobody reads them."""
        for name, value in (
            ("Host", "x"),
            ("a b", "x"),
            ("content-Length", "1"),
            ("X", f"{KEY}\r\nY: z"),
            ("X", "ü"),
        ):
            self.refuse("`headers`", headers={name: Secret(value)})
        self.refuse("read on the way", "http://x.example/", headers={"X": Secret(KEY)})
        http.Settings("x", "http://10.0.0.1/", headers={"X": Secret(KEY)}, allow_private=True)

    def test_secrets_are_not_shown(self):
        """Neither the settings nor the tool show a key."""
        settings = http.Settings("x", f"https://x.example/?key={KEY}", headers={"X": Secret(KEY)})
        tool = http.make(settings, FakeTools(MemoryReactor()))
        self.assertNotIn(KEY, repr(settings) + repr(tool))


class ParameterTests(SynchronousTestCase):
    def test_schema(self):
        """As JSON Schema says it."""
        parameters = {"a": Parameter("An a."), "n": Parameter(type="integer", enum=("1", "2"), required=False)}
        properties = {"a": {"type": "string", "description": "An a."}, "n": {"type": "integer", "enum": [1, 2]}}
        expected = {"type": "object", "properties": properties, "required": ["a"], "additionalProperties": False}
        self.assertEqual(schema(parameters), expected)

    def test_values(self):
        """What is of a type, and what may be taken for it."""
        for kind, value, taken in (
            ("string", "x", "x"),
            ("string", 5, None),
            ("string", "x" * 4001, None),
            ("integer", 5, 5),
            ("integer", "5", 5),
            ("integer", 5.0, 5),
            ("integer", 5.5, None),
            ("integer", True, None),
            ("integer", 2**64, None),
            ("number", "1.5", 1.5),
            ("number", "nan", None),
            ("number", 10**400, None),
            ("boolean", True, True),
            ("boolean", "false", False),
            ("boolean", "maybe", None),
        ):
            try:
                self.assertEqual(checked({"x": value}, {"x": Parameter(type=kind)}), {"x": taken})
            except ToolFailed:
                self.assertIsNone(taken, (kind, value))

    def test_enum(self):
        """A choice is of the parameter's type, once each."""
        for settings in (
            {"enum": ("a", "a")},
            {"type": "boolean", "enum": ("true",)},
            {"type": "integer", "enum": ("a",)},
        ):
            self.assertRaises(ValueError, Parameter, **settings)
        parameters = {"x": Parameter(type="number", enum=("0.5", "1"))}
        self.assertEqual(checked({"x": "1"}, parameters), {"x": 1})
        self.assertRaises(ToolFailed, checked, {"x": 2}, parameters)

"""Twilio's REST API, against a double of it in memory: what is sent, and what every answer and failure becomes."""

import json
import unittest
from base64 import b64decode
from email.utils import formatdate
from pathlib import Path
from urllib.parse import parse_qs

import attrs
from treq.client import HTTPClient
from treq.testing import StubTreq
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectError, ConnectionDone, ConnectionLost, DNSLookupError
from twisted.internet.error import ConnectionRefusedError as RefusedToConnect
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import LogLevel, capturedLogs, formatEvent
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import Agent, ResponseFailed, ResponseNeverReceived
from twisted.web.iweb import IAgent
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer
from zope.interface.verify import verifyObject

from voiced.call.records import Ending
from voiced.errors import CarrierError
from voiced.icarrier import CallOrder, CallState, ICarrier
from voiced.secret import Secret
from voiced.twilio.rest import AGAIN_AFTER, CLOCKS_DIFFER, LIST_SIZE, TIMEOUT, TreqTransport, TwilioCarrier
from voiced.twilio.webhook import OVERRIDES, Account

TOKEN = "a-token-nobody-may-see"
SPEC = Path(__file__).parents[2] / "shared/specs/twilio_api_v2010.json"
PATH = "/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json"
CALLS = "/2010-04-01/Accounts/{AccountSid}/Calls.json"
API = "https://api.twilio.com"
PUBLIC = "https://voice.example.com"
ASKED = 1_700_000_000.0
NUMBER = "+14155550177"
ORDER = CallOrder("main", NUMBER, "+14155550123", "r1-a_B", timeout=30, seconds=600)


def account(**changes):
    """The account of these tests."""
    return Account(**{"name": "main", "sid": "AC1", "tokens": (Secret(TOKEN),), **changes})


class Twilio(Resource):
    """Twilio's REST API: notes each request and answers what it is told to."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.requests = []
        self.queries = []
        self.stalls = False
        """Whether an answer stops after its first byte."""
        self.answer(200, {"sid": "CA1", "status": "completed"})

    def answer(self, status, body, content_type=b"application/json"):
        """From now on."""
        self.status, self.content_type = status, content_type
        self.body = body if isinstance(body, bytes | None) else json.dumps(body).encode()

    def refuse(self, status, code, message, **more):
        """From now on, as Twilio refuses."""
        self.answer(status, {"status": status, "code": code, "message": message, **more})

    def render(self, request):
        user, _, password = b64decode(request.getHeader("authorization").split()[1]).decode().partition(":")
        form = parse_qs(request.content.read().decode(), keep_blank_values=True)
        url = f"{'https' if request.isSecure() else 'http'}://{request.getHeader('host')}{request.path.decode()}"
        self.requests.append((request.method.decode(), url, form, (user, password)))
        self.queries.append(
            {name.decode(): [one.decode() for one in values] for name, values in request.args.items()}
        )
        request.setResponseCode(self.status)
        request.setHeader(b"Content-Type", self.content_type)
        if self.stalls:
            request.write(b"{")
            return NOT_DONE_YET
        return NOT_DONE_YET if self.body is None else self.body


@implementer(IAgent)
class DeadAgent:
    """An agent whose every request gives this Deferred."""

    def __init__(self, outcome):
        self.outcome = outcome

    def request(self, *_):
        return self.outcome


@implementer(IAgent)
class SilentAgent:
    """An agent that never gets an answer."""

    def request(self, *_):
        return Deferred()


class Fickle:
    """An HTTP client whose requests fail so, one after the other; what follows goes to another client."""

    def __init__(self, failures, then):
        self.failures, self.then = list(failures), then

    def request(self, *args, **more):
        return fail(self.failures.pop(0)) if self.failures else self.then.request(*args, **more)


class Names:
    """A resolver that knows every name."""

    def resolveHostName(self, receiver, hostName, portNumber=0, **_):
        receiver.resolutionBegan(self)
        receiver.addressResolved(IPv4Address("TCP", "192.0.2.1", portNumber))
        receiver.resolutionComplete()


NO_OBJECTS = [b"null", b"[]", b"[{}]", b'"x"', b'""', b"1", b"true"]
NO_LISTS = [b"{}", b'{"calls": null}', b'{"calls": [1]}', b'{"calls": [null]}', b'{"calls": 1}', b'{"sid": null}']
NO_CALLS = [b'{"sid": ""}', b'{"sid": []}', b'{"calls": []}', b'{"message": "welcome"}', *NO_OBJECTS]
"""JSON that is not of Twilio's API: no object at all, an object without a list of calls, one without a call."""


class CarrierCase(SynchronousTestCase):
    def setUp(self):
        self.clock = MemoryReactorClock()
        self.twilio = Twilio()
        self.http = StubTreq(self.twilio)

    def carrier(self, chance=lambda: 0.5, **changes):
        """A carrier with that account."""
        return TwilioCarrier([account(**changes)], self.http, self.clock, PUBLIC, chance)

    def complete(self, **changes):
        """Complete a call of that account."""
        return TwilioCarrier([account(**changes)], self.http, self.clock).complete("CA1", "main")

    def error(self, done):
        """The CarrierError it failed with, which is a sentence and gives no token away."""
        error = self.failureResultOf(done, CarrierError).value
        self.assertTrue(str(error).startswith("ending call CA1: "), str(error))
        self.assertNotIn(TOKEN, f"{error} {error!r}")
        return error


class RequestTests(CarrierCase):
    def test_is_a_carrier(self):
        """It provides what it claims."""
        verifyObject(ICarrier, TwilioCarrier([account()], self.http, self.clock))

    def test_update(self):
        """Ending a call is one POST of `Status=completed`, with the account's SID and token."""
        self.assertIsNone(self.successResultOf(self.complete()))
        url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Calls/CA1.json"
        self.assertEqual(self.twilio.requests, [("POST", url, {"Status": ["completed"]}, ("AC1", TOKEN))])

    def test_hosts(self):
        """Region and edge choose Twilio's host; `base_url` replaces it all, with or without a final slash."""
        path = "/2010-04-01/Accounts/AC1/Calls/CA1.json"
        for changes, base in [
            ({"region": "ie1"}, "https://api.ie1.twilio.com"),
            ({"edge": "dublin"}, "https://api.dublin.us1.twilio.com"),
            ({"region": "ie1", "edge": "dublin"}, "https://api.dublin.ie1.twilio.com"),
            ({"base_url": "http://localhost:9000"}, "http://localhost:9000"),
            ({"base_url": "http://localhost:9000/twilio/"}, "http://localhost:9000/twilio"),
            ({"base_url": "https://proxy.example.com", "region": "ie1"}, "https://proxy.example.com"),
        ]:
            self.successResultOf(self.complete(**changes))
            self.assertEqual(self.twilio.requests.pop()[1], base + path)

    def test_accounts(self):
        """Each account has its own SID and its first token."""
        other = account(name="other", sid="AC2", tokens=(Secret("new"), Secret("old")))
        carrier = TwilioCarrier([account(), other], self.http, self.clock)
        self.successResultOf(carrier.complete("CA2", "other"))
        self.assertEqual(self.twilio.requests[0][3], ("AC2", "new"))
        self.assertIn("/Accounts/AC2/Calls/CA2.json", self.twilio.requests[0][1])

    def test_spec(self):
        """Path and form are those of Twilio's OpenAPI description."""
        if not SPEC.exists():
            raise unittest.SkipTest("Twilio's OpenAPI description is not beside this checkout")
        post = json.loads(SPEC.read_text())["paths"][PATH]["post"]
        content_type, body = next(iter(post["requestBody"]["content"].items()))
        self.successResultOf(self.complete())
        method, url, form, _ = self.twilio.requests[0]
        self.assertEqual(("POST", PATH.format(AccountSid="AC1", Sid="CA1")), (method, url.partition(".com")[2]))
        self.assertEqual(content_type, "application/x-www-form-urlencoded")
        self.assertLessEqual(set(form), set(body["schema"]["properties"]))

    def test_lists(self):
        """A list in a form is its name repeated, as StatusCallbackEvent wants it; other values become text."""
        transport = TreqTransport(self.http, self.clock, None)
        form = {"StatusCallbackEvent": ["ringing", "answered"], "Timeout": 30, "Other": ("a",)}
        request = transport.request("POST", "https://api.twilio.com/x", data=form, auth=("AC1", "t"))
        response = self.successResultOf(Deferred.fromCoroutine(request))
        self.assertEqual(response.status_code, 200)
        expected = {"StatusCallbackEvent": ["ringing", "answered"], "Timeout": ["30"], "Other": ["a"]}
        self.assertEqual(self.twilio.requests[0][2], expected)

    def test_no_form(self):
        """A request without a form has no body."""
        request = TreqTransport(self.http, self.clock, None).request(
            "GET", "https://api.twilio.com/x", auth=("a", "b")
        )
        self.successResultOf(Deferred.fromCoroutine(request))
        self.assertEqual(self.twilio.requests[0][:3], ("GET", "https://api.twilio.com/x", {}))


class AnswerTests(CarrierCase):
    def test_over_already(self):
        """A call that is over, or that Twilio does not know, is what we wanted."""
        for status, code in [(400, 21220), (404, 20404), (404, 0), (404, None), (410, 20404)]:
            self.twilio.refuse(status, code, "Call is not in-progress. Cannot redirect.")
            self.assertIsNone(self.successResultOf(self.complete()))

    def test_not_found_by_anyone(self):
        """A 404 is a 404, whatever its body."""
        for body in (b"<html>no</html>", b"", b"[]"):
            self.twilio.answer(404, body)
            self.successResultOf(self.complete())

    def test_wrong_token(self):
        """20003 says what to check, in our own words."""
        self.twilio.refuse(401, 20003, "Authenticate")
        error = self.error(self.complete())
        self.assertEqual((error.code, error.status), (20003, 401))
        self.assertNotIn("Authenticate", str(error))
        self.assertIn("check account_sid and auth_token", str(error))

    def test_any_other_code(self):
        """Other refusals say where Twilio explains them."""
        self.twilio.refuse(400, 21218, "Invalid ApplicationSid")
        self.assertIn("https://www.twilio.com/docs/api/errors/21218", str(self.error(self.complete())))

    def test_no_code(self):
        """A failure without a code of Twilio's, JSON or not, points to no page about it."""
        for body in (b"", b"<html>Bad gateway</html>", b"[]", b"null", b'{"message":"oops"}', b'{"code":null}'):
            self.twilio.answer(500, body)
            error = self.error(self.complete())
            self.assertEqual((error.code, error.status), (0, 500))
            self.assertIn("Twilio answered 500", str(error))
            self.assertNotIn("docs/api/errors", str(error))

    def test_newer_errors(self):
        """Twilio's newer form of errors (RFC 9457) is one of the same errors."""
        problem = {"type": "https://x", "title": "Unauthorized", "status": 401, "code": 20003}
        for detail in (None, "The token is old"):
            self.twilio.answer(401, {**problem, "detail": detail})
            error = self.error(self.complete())
            self.assertEqual((error.code, error.status), (20003, 401))
            self.assertIn("Twilio answered 401: Twilio refuses our credentials", str(error))
            self.assertNotIn("token is old", str(error))

    def test_own_words(self):
        """What Twilio says may hold a number: an API client and the log get our sentence, whatever the form."""
        said = f"The phone number {NUMBER} is not valid"
        for body in (
            {"status": 400, "code": 21211, "message": said, "more_info": said, "details": {"a": said}},
            {"type": "https://x", "title": said, "detail": said, "status": 400, "code": 21211},
            {"message": said},
            {"status": 500, "code": None, "message": said},
        ):
            for status in (400, 500):
                self.twilio.answer(status, body | ({"status": status} if "status" in body else {}))
                error = self.error(self.complete())
                self.assertIn(f"Twilio answered {status}: ", str(error))
                self.assertNotIn(NUMBER[1:], f"{error} {error!r}")

    def test_not_twilio(self):
        """A 200 that is no JSON comes from somebody else."""
        for body in (b"<html>Sign in to the guest network</html>", b"\xff\xfe"):
            self.twilio.answer(200, body, b"text/html; charset=no-such-charset")
            self.assertIn("base_url", str(self.error(self.complete())))


class FailureTests(CarrierCase):
    def test_unreachable(self):
        """A network that does not let us through is a CarrierError with its reason."""
        for reason in (
            ConnectError(string="refused"),
            ConnectionLost("lost"),
            DNSLookupError("no such host"),
            ResponseFailed([Failure(ConnectionLost("lost"))]),
        ):
            self.http = HTTPClient(DeadAgent(fail(reason)))
            error = self.error(self.complete())
            self.assertIn("Twilio's API cannot be reached (", str(error))
            self.assertEqual((error.code, error.status), (0, 0))

    def test_no_answer(self):
        """A request that is not answered is given up."""
        self.http = HTTPClient(DeadAgent(Deferred()))
        done = self.complete()
        self.clock.advance(TIMEOUT - 0.1)
        self.assertNoResult(done)
        self.clock.advance(0.2)
        self.assertIn("no answer within 8 s", str(self.error(done)))

    def test_no_body(self):
        """An answer whose body does not come is given up, too."""
        self.twilio.answer(200, None)
        done = self.complete()
        self.http.flush()
        self.clock.advance(TIMEOUT + 1)
        self.assertIn("no answer within 8 s", str(self.error(done)))

    def test_no_connection(self):
        """A host that does not answer at all is given up in the same time, by Twisted's own agent."""
        self.clock.nameResolver = Names()
        self.http = HTTPClient(Agent(self.clock))
        done = self.complete(base_url="http://twilio.example.com")
        self.clock.advance(TIMEOUT + 1)
        self.assertIn("no connection within 8 s", str(self.error(done)))

    def test_cancelled(self):
        """Cancelling stops, while a request is under way and while it is still connecting."""
        self.clock.nameResolver = Names()
        for agent in (DeadAgent(Deferred()), Agent(self.clock)):
            self.http = HTTPClient(agent)
            done = self.complete(base_url="http://twilio.example.com")
            done.cancel()
            self.failureResultOf(done, CancelledError)

    def test_our_own_fault_is_not_hidden(self):
        """An error that no network makes is not explained away."""
        self.http = HTTPClient(DeadAgent(fail(ZeroDivisionError())))
        self.failureResultOf(self.complete(), ZeroDivisionError)


class PlaceTests(CarrierCase):
    """What Twilio is asked when a call is placed."""

    def form(self, order=ORDER, **changes):
        """The form of one `create`."""
        self.assertEqual(self.successResultOf(self.carrier(**changes).create(order)), "CA1")
        ((method, url, form, auth),) = self.twilio.requests
        self.assertEqual((method, url, auth), ("POST", API + CALLS.format(AccountSid="AC1"), ("AC1", TOKEN)))
        return form

    def test_every_parameter(self):
        """Numbers, limits, and each address of ours with our own name for the call; each event is a field."""

        def url(path):
            return [f"{PUBLIC}{path}?call=r1-a_B{OVERRIDES}"]

        expected = {
            "To": [NUMBER],
            "From": ["+14155550123"],
            "Url": url("/outbound-call-twiml"),
            "Method": ["POST"],
            "FallbackUrl": url("/call/fallback"),
            "FallbackMethod": ["POST"],
            "StatusCallback": url("/call/status"),
            "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
            "StatusCallbackMethod": ["POST"],
            "Timeout": ["30"],
            "TimeLimit": ["600"],
        }
        self.assertEqual(self.form(), expected)
        self.twilio.requests.clear()
        for detect, mode in [("enable", "Enable"), ("message_end", "DetectMessageEnd")]:
            detection = {
                "MachineDetection": [mode],
                "AsyncAmd": ["true"],
                "AsyncAmdStatusCallback": url("/call/answered-by"),
                "AsyncAmdStatusCallbackMethod": ["POST"],
            }
            self.assertEqual(self.form(attrs.evolve(ORDER, detect=detect)), expected | detection)
            self.twilio.requests.clear()

    def test_spec(self):
        """Every field is one of Twilio's OpenAPI description, and every one that has to be there is."""
        if not SPEC.exists():
            raise unittest.SkipTest("Twilio's OpenAPI description is not beside this checkout")
        body = json.loads(SPEC.read_text())["paths"][CALLS]["post"]["requestBody"]["content"]
        schema = body["application/x-www-form-urlencoded"]["schema"]
        form = self.form(attrs.evolve(ORDER, detect="enable"))
        self.assertLessEqual(set(form), set(schema["properties"]))
        self.assertLessEqual(set(schema["required"]), set(form))

    def test_hostile_reference(self):
        """A name for the call stays within its query, whatever it is."""
        reference = 'r&x=1#tt=1\r\n é"<'
        form = self.form(attrs.evolve(ORDER, reference=reference, detect="enable"))
        for name in ("Url", "FallbackUrl", "StatusCallback", "AsyncAmdStatusCallback"):
            address = form[name][0]
            query, _, fragment = address.partition("?")[2].partition("#")
            self.assertEqual(parse_qs(query), {"call": [reference]}, name)
            self.assertEqual("#" + fragment, OVERRIDES)

    def test_hosts(self):
        """Region, edge and `base_url` choose the host here, too."""
        for changes, base in [
            ({"region": "ie1"}, "https://api.ie1.twilio.com"),
            ({"edge": "dublin"}, "https://api.dublin.us1.twilio.com"),
            ({"region": "ie1", "edge": "dublin"}, "https://api.dublin.ie1.twilio.com"),
            ({"base_url": "http://localhost:9000/twilio/"}, "http://localhost:9000/twilio"),
        ]:
            carrier = self.carrier(**changes)
            self.successResultOf(carrier.create(ORDER))
            self.successResultOf(carrier.fetch("CA1", "main"))
            self.twilio.answer(200, {"calls": []})
            self.successResultOf(carrier.find(ORDER, ASKED, ASKED))
            self.twilio.answer(200, {"sid": "CA1"})
            urls = [url for _, url, _, _ in self.twilio.requests]
            calls = base + CALLS.format(AccountSid="AC1")
            self.assertEqual(urls, [calls, base + PATH.format(AccountSid="AC1", Sid="CA1"), calls])
            self.twilio.requests.clear()


class AgainTests(CarrierCase):
    """What is tried again, when, and what never is."""

    doing = "placing a call: "

    def place(self, chance=0.5):
        """Place a call."""
        return self.carrier(lambda: chance).create(ORDER)

    def refused(self, done):
        """The error that placing a call came to."""
        error = self.failureResultOf(done, CarrierError).value
        self.assertTrue(str(error).startswith(self.doing), str(error))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        return error

    def waits(self):
        """Let all its time pass; how long it waited, each time."""
        waits = []
        while timers := self.clock.getDelayedCalls():
            waits.append(timers[0].getTime() - self.clock.seconds())
            self.clock.advance(waits[-1])
        return waits

    def test_backoff(self):
        """A 429 is tried again three times, each time later, by chance between a half of that and all of it."""
        self.twilio.refuse(429, 20429, "Too Many Requests")
        for chance, waits in [(0.0, [0.25, 0.5, 1.0]), (0.5, [0.375, 0.75, 1.5]), (1.0, [0.5, 1.0, 2.0])]:
            self.twilio.requests.clear()
            done = self.place(chance)
            self.assertNoResult(done)
            self.assertEqual(self.waits(), waits)
            self.assertEqual(len(self.twilio.requests), 4)
            error = self.refused(done)
            self.assertEqual((error.code, error.status, error.answer, error.unsure), (20429, 429, 503, False))

    def test_429_without_code(self):
        """What a proxy says with 429 is the same."""
        self.twilio.answer(429, b"slow down", b"text/plain")
        done = self.place()
        self.waits()
        error = self.refused(done)
        self.assertEqual((error.code, error.answer, len(self.twilio.requests)), (0, 503, 4))

    def test_better_times(self):
        """The first good answer ends it."""
        self.twilio.refuse(429, 20429, "Too Many Requests")
        done = self.place()
        self.clock.advance(0.375)
        self.twilio.answer(201, {"sid": "CA7"})
        self.assertEqual(self.waits(), [0.75])
        self.assertEqual(self.successResultOf(done), "CA7")
        self.assertEqual(len(self.twilio.requests), 3)
        self.assertEqual(self.twilio.requests[0], self.twilio.requests[2])

    def test_never_sent(self):
        """What did not get as far as a connection was never sent: it is tried again."""
        twilio = self.http
        for failure in (ConnectError(), RefusedToConnect("refused"), DNSLookupError("no such host")):
            self.http = Fickle([failure] * 3, twilio)
            self.twilio.requests.clear()
            done = self.place()
            self.waits()
            self.assertEqual(self.successResultOf(done), "CA1")
            self.assertEqual(len(self.twilio.requests), 1)

    def test_never_reached(self):
        """Four times no connection: nothing was placed, and the API client hears 502."""
        twilio = self.http
        for failure in (RefusedToConnect("refused"), DNSLookupError("no such host")):
            self.http = Fickle([failure] * 4, twilio)
            done = self.place()
            self.assertEqual(len(self.waits()), 3)
            refused = self.refused(done)
            self.assertEqual((refused.code, refused.status, refused.answer, refused.unsure), (0, 0, 502, False))
            self.assertEqual((self.http.failures, self.twilio.requests), ([], []))

    def test_no_connection_in_time(self):
        """A connection that was not there in time is one that was never there."""
        self.clock.nameResolver = Names()
        self.http = HTTPClient(Agent(self.clock))
        done = self.place()
        self.clock.advance(TIMEOUT + 0.1)
        self.assertNoResult(done)
        for wait in (0.5, 1.0, 2.0):
            self.clock.advance(wait)
            self.clock.advance(TIMEOUT + 0.1)
        error = self.refused(done)
        self.assertIn("no connection within 8 s", str(error))
        self.assertEqual((error.answer, error.unsure), (502, False))

    def test_no_answer(self):
        """A request that was sent and not answered may have been done: never again, and the client hears 504."""
        self.twilio.answer(201, None)
        done = self.place()
        self.http.flush()
        self.clock.advance(TIMEOUT + 0.1)
        error = self.refused(done)
        self.assertEqual((error.code, error.status, error.answer, error.unsure), (0, 0, 504, True))
        self.assertEqual(len(self.twilio.requests), 1)

    def test_half_an_answer(self):
        """So it is when the answer begins and does not end, whatever its status."""
        self.twilio.stalls = True
        for status in (201, 429):
            self.twilio.requests.clear()
            self.twilio.answer(status, {})
            done = self.place()
            self.http.flush()
            self.clock.advance(TIMEOUT + 0.1)
            error = self.refused(done)
            self.assertEqual((error.status, error.answer, error.unsure), (0, 504, True))
            self.assertEqual(len(self.twilio.requests), 1)

    def test_lost_while_asking(self):
        """So may one whose connection broke."""
        for reason in (
            ConnectionLost("lost"),
            ConnectionDone("closed"),
            ResponseFailed([Failure(ConnectionLost("lost"))]),
            ResponseNeverReceived([Failure(ConnectionDone("closed"))]),
        ):
            self.http = HTTPClient(DeadAgent(fail(reason)))
            error = self.refused(self.place())
            self.assertEqual((error.status, error.answer, error.unsure), (0, 504, True))

    def test_broken_server(self):
        """A server that broke may have done it before; one that says it is too busy has not. Neither is retried."""
        for status, unsure in [(500, True), (502, True), (504, True), (503, False)]:
            for body in (b"", b"<html>oops</html>", b'{"code": 20500, "message": "oops", "status": 500}'):
                self.twilio.requests.clear()
                self.twilio.answer(status, body)
                error = self.refused(self.place())
                self.assertEqual((error.status, error.answer, error.unsure), (status, 502, unsure), body)
                self.assertEqual(len(self.twilio.requests), 1)

    def test_refusals(self):
        """A refusal is not repeated; its code says what an API client is answered."""
        for status, code, answer in [
            (400, 21211, 400),
            (400, 21219, 502),
            (401, 20003, 502),
            (403, 0, 502),
            (404, 20404, 502),
            (400, 10004, 503),
            (400, 29999, 400),
        ]:
            self.twilio.requests.clear()
            self.twilio.refuse(status, code or None, "No.")
            error = self.refused(self.place())
            self.assertEqual((error.code, error.status, error.answer), (code, status, answer))
            self.assertEqual((len(self.twilio.requests), error.unsure), (1, False))

    def test_not_twilio(self):
        """A 200 that is no JSON is somebody else's; nobody can say what became of the call."""
        self.twilio.answer(200, b"<html>Sign in to the guest network</html>", b"text/html")
        error = self.refused(self.place())
        self.assertIn("check base_url", str(error))
        self.assertEqual((error.status, error.unsure, len(self.twilio.requests)), (200, True, 1))

    def test_no_sid(self):
        """So is an answer that names no call, whatever status and shape it has: asked once, and nobody can say."""
        for body in NO_LISTS + NO_CALLS:
            for status in (200, 201):
                self.twilio.requests.clear()
                self.twilio.answer(status, body)
                error = self.refused(self.place())
                self.assertIn("check base_url", str(error), body)
                self.assertEqual((error.code, error.status, error.answer, error.unsure), (0, 200, 502, True), body)
                self.assertEqual(len(self.twilio.requests), 1)


class TextAgainTests(AgainTests):
    """The same of a text message."""

    doing = "sending a text: "

    def place(self, chance=0.5):
        """Send a text."""
        return self.carrier(lambda: chance).send_text("main", NUMBER, ORDER.from_, "Hello.")


class TextTests(CarrierCase):
    """What Twilio is asked when a text is sent."""

    def test_form(self):
        """Who to, from which number, and the words as they are; nothing else."""
        words = "Größe: 5 & 6 = {11}\n😀"
        self.twilio.answer(201, {"sid": "SM1", "status": "queued"})
        sent = self.carrier().send_text("main", NUMBER, ORDER.from_, words)
        self.assertEqual(self.successResultOf(sent), "SM1")
        ((method, url, form, auth),) = self.twilio.requests
        self.assertEqual(
            (method, url, auth), ("POST", f"{API}/2010-04-01/Accounts/AC1/Messages.json", ("AC1", TOKEN))
        )
        self.assertEqual(form, {"To": [NUMBER], "From": [ORDER.from_], "Body": [words]})

    def test_refused(self):
        """What Twilio says no to is a sentence without the number, and an alarm where the operator has to act."""
        for code, words, alarm in [(21610, "replied STOP", False), (21408, "Geo permissions", True)]:
            self.twilio.refuse(400, code, f"Not to {NUMBER}.")
            with capturedLogs() as events:
                sent = self.carrier().send_text("main", NUMBER, ORDER.from_, "Hello.")
                error = self.failureResultOf(sent, CarrierError).value
            self.assertIn(words, str(error))
            self.assertNotIn(NUMBER, f"{error} {events}")
            self.assertEqual([event["log_level"] for event in events], [LogLevel.critical] * alarm)


class LookAgainTests(CarrierCase):
    """What is looked at is asked for again, too, where Twilio has certainly not answered."""

    def looks(self):
        """Every look at what Twilio knows, what it comes to in better times, and what its errors begin with."""
        carrier = self.carrier(lambda: 1.0)
        return [
            (lambda: carrier.fetch("CA1", "main"), CallState("CA1", None, True), "looking at call CA1: "),
            (lambda: carrier.find(ORDER, ASKED, ASKED), ["CA1"], "looking for a call: "),
        ]

    def passes(self):
        """Let its time pass."""
        for wait in AGAIN_AFTER:
            self.clock.advance(wait)

    def better(self):
        """Twilio answers from now on: a list is one of calls, and nothing else that it would know of a call."""
        call = {"sid": "CA1", "status": "in-progress", "direction": "outbound-api", "date_created": formatdate(ASKED)}
        self.twilio.answer(200, {**call, "meta": {"key": "calls"}, "calls": [call]})

    def test_too_many(self):
        """A 429 about one call is tried again after each of the waits; the first good answer ends it."""
        look, answer, _ = self.looks()[0]
        self.twilio.refuse(429, 20429, "Too Many Requests")
        done = look()
        self.clock.advance(AGAIN_AFTER[0])
        self.assertNoResult(done)
        self.better()
        self.clock.advance(AGAIN_AFTER[1])
        self.assertEqual(self.successResultOf(done), answer)
        self.assertEqual([request[0] for request in self.twilio.requests], ["GET"] * 3)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_never_reached(self):
        """No connection and no such host are tried again, four times in all, and then are a 502."""
        self.better()
        twilio = self.http
        for failure in (ConnectError(), RefusedToConnect("refused"), DNSLookupError("no such host")):
            for fails, good in ((3, True), (4, False)):
                self.http = Fickle([], twilio)
                for look, answer, doing in self.looks():
                    self.http.failures = [failure] * fails
                    done = look()
                    self.passes()
                    self.assertEqual(self.http.failures, [])
                    if good:
                        self.assertEqual(self.successResultOf(done), answer)
                        continue
                    error = self.failureResultOf(done, CarrierError).value
                    self.assertTrue(str(error).startswith(doing), str(error))
                    self.assertEqual((error.status, error.answer, error.unsure), (0, 502, False))

    def test_still_too_many(self):
        """After four times it is what an API client may ask again later."""
        look, _, doing = self.looks()[0]
        self.twilio.refuse(429, 20429, "Too Many Requests")
        done = look()
        self.passes()
        error = self.failureResultOf(done, CarrierError).value
        self.assertTrue(str(error).startswith(doing), str(error))
        self.assertEqual((error.code, error.status, error.answer, error.unsure), (20429, 429, 503, False))
        self.assertEqual((len(self.twilio.requests), self.clock.getDelayedCalls()), (4, []))

    def test_not_again(self):
        """Neither what Twilio refuses, nor what broke, nor what got no answer: it has taken its time already."""
        for status, body in [(401, b"{}"), (404, b"{}"), (500, b"{}"), (503, b"{}"), (200, b"<html>")]:
            for look, _, doing in self.looks():
                self.twilio.requests.clear()
                self.twilio.answer(status, body)
                error = self.failureResultOf(look(), CarrierError).value
                self.assertTrue(str(error).startswith(doing), str(error))
                self.assertEqual((len(self.twilio.requests), self.clock.getDelayedCalls()), (1, []), status)
        self.http = HTTPClient(SilentAgent())
        for look, _, _ in self.looks():
            done = look()
            self.clock.advance(TIMEOUT + 0.1)
            error = self.failureResultOf(done, CarrierError).value
            self.assertEqual((error.answer, error.unsure, self.clock.getDelayedCalls()), (504, True, []))

    def test_ending_is_not(self):
        """Ending a call is tried again elsewhere, and longer (voiced.call.persevering)."""
        for reason in (ConnectError(), DNSLookupError("no such host")):
            self.http = Fickle([reason], self.http)
            error = self.error(self.complete())
            self.assertEqual((error.answer, error.unsure, self.clock.getDelayedCalls()), (502, False, []))
        self.twilio.refuse(429, 20429, "Too Many Requests")
        self.assertEqual(self.error(self.complete()).answer, 503)
        self.assertEqual((len(self.twilio.requests), self.clock.getDelayedCalls()), (1, []))


class ShapeTests(CarrierCase):
    """A 200 whose JSON has not the shape of Twilio's."""

    def test_no_object(self):
        """What is no object is somebody else's, whatever was asked."""
        for body in NO_OBJECTS:
            self.twilio.answer(200, body)
            carrier = self.carrier()
            for done in (
                carrier.create(ORDER),
                carrier.complete("CA1", "main"),
                carrier.fetch("CA1", "main"),
                carrier.find(ORDER, ASKED, ASKED),
            ):
                error = self.failureResultOf(done, CarrierError).value
                self.assertIn("not JSON of Twilio's API: check base_url", str(error), body)
                self.assertEqual((error.code, error.status, error.answer, error.unsure), (0, 200, 502, True), body)

    def test_no_list(self):
        """An object that holds no list of calls is no answer to who was called: neither some calls nor none."""
        for body in NO_LISTS:
            self.twilio.answer(200, body)
            error = self.failureResultOf(self.carrier().find(ORDER, ASKED, ASKED), CarrierError).value
            self.assertTrue(str(error).startswith("looking for a call: "), str(error))
            self.assertEqual((error.answer, error.unsure), (502, True), body)
            self.assertEqual(self.clock.getDelayedCalls(), [])


STATES = {
    "queued": (None, False),
    "initiated": (None, False),
    "ringing": (None, False),
    "in-progress": (None, True),
    "completed": (Ending.CALLER_HUNG_UP, False),
    "busy": (Ending.BUSY, False),
    "failed": (Ending.FAILED, False),
    "no-answer": (Ending.NO_ANSWER, False),
    "canceled": (Ending.CANCELLED, False),
    "strange": (None, False),
}
"""CallStatus (the reference's §5, and one of tomorrow) -> how it ended, whether somebody is on the line."""


class FetchTests(CarrierCase):
    """What Twilio knows of one call."""

    def test_states(self):
        """Each CallStatus, by one GET."""
        for status, (ending, answered) in STATES.items():
            self.twilio.answer(200, {"sid": "CA1", "status": status})
            state = self.successResultOf(self.carrier().fetch("CA1", "main"))
            self.assertEqual(state, CallState("CA1", ending, answered), status)
            self.assertEqual(self.twilio.requests.pop()[:2], ("GET", API + PATH.format(AccountSid="AC1", Sid="CA1")))

    def test_unknown(self):
        """A call that Twilio does not know is an error here: whether it ever was is not ours to say."""
        self.twilio.refuse(404, 20404, "Not Found")
        error = self.failureResultOf(self.carrier().fetch("CA1", "main"), CarrierError).value
        self.assertTrue(str(error).startswith("looking at call CA1: "))
        self.assertEqual((error.code, error.status), (20404, 404))


class FindTests(CarrierCase):
    """Calls that Twilio lists, where `create` got no answer."""

    def listed(self, *calls, **more):
        """Twilio lists these: (sid, created) or (sid, created, direction)."""
        entries = [
            {
                "sid": sid,
                "date_created": created if isinstance(created, str | None) else formatdate(created),
                "direction": (*direction, "outbound-api")[0],
            }
            for sid, created, *direction in calls
        ]
        self.twilio.answer(200, {"calls": entries, "page_size": LIST_SIZE, **more})

    def find(self, since=ASKED, until=ASKED + 30):
        """The SIDs found."""
        return list(self.successResultOf(self.carrier().find(ORDER, since, until)))

    def test_asks_for(self):
        """One GET, by who calls whom, and no more calls than are looked at."""
        self.listed()
        self.assertEqual(self.find(), [])
        self.assertEqual(self.twilio.requests[0][:3], ("GET", API + CALLS.format(AccountSid="AC1"), {}))
        query = {"To": [NUMBER], "From": ["+14155550123"], "PageSize": [str(LIST_SIZE)]}
        self.assertEqual(self.twilio.queries, [query])

    def test_direction(self):
        """Only what an API has placed is one of ours; a leg of <Dial> and a caller are not."""
        directions = ["outbound-api", "outbound-dial", "inbound", "", None, "outbound-api-x"]
        self.listed(*((f"CA{n}", ASKED, direction) for n, direction in enumerate(directions)))
        self.assertEqual(self.find(), ["CA0", "CA5"])

    def test_window(self):
        """Only those of that time; Twilio's whole seconds, and its clock, may differ from ours a little."""
        late = ASKED + 30 + CLOCKS_DIFFER
        created = [ASKED - CLOCKS_DIFFER - 1, ASKED - CLOCKS_DIFFER, ASKED, late, late + 1, None, "yesterday"]
        self.listed(*((f"CA{n}", when) for n, when in enumerate(created)))
        self.assertEqual(self.find(), ["CA3", "CA2", "CA1"])

    def test_newest_first(self):
        """In whatever order Twilio lists them."""
        self.listed(("CA1", ASKED + 1), ("CA3", ASKED + 3), ("CA0", ASKED), ("CA2", ASKED + 2))
        self.assertEqual(self.find(), ["CA3", "CA2", "CA1", "CA0"])

    def test_limit(self):
        """However many there are, one page is read."""
        calls = [(f"CA{n:02}", ASKED + n) for n in range(LIST_SIZE + 5)]
        self.listed(*calls, next_page_uri="/2010-04-01/Accounts/AC1/Calls.json?Page=1")
        self.assertEqual(len(self.find()), LIST_SIZE)
        self.assertEqual(len(self.twilio.requests), 1)

    def test_no_list(self):
        """A list that cannot be had is a CarrierError that leaves it open, whatever Twilio says instead."""
        for status, body in [
            (500, b"oops"),
            (429, b'{"code": 20429, "message": "Too many", "status": 429}'),
            (401, b'{"code": 20003, "message": "Authenticate", "status": 401}'),
            (200, b"{}"),
            (200, b'{"a": [], "b": []}'),
            (200, b"<html>"),
        ]:
            self.twilio.answer(status, body)
            done = self.carrier().find(ORDER, ASKED, ASKED + 30)
            for _ in range(8):  # too many requests: it is asked again
                self.clock.advance(1)
                self.http.flush()
            error = self.failureResultOf(done, CarrierError).value
            self.assertTrue(str(error).startswith("looking for a call: "), str(error))
            self.assertEqual(error.unsure, status != 429)
            self.assertNotIn(NUMBER, str(error))


class CancelTests(CarrierCase):
    """Cancelling means stop, wherever it has got to."""

    def does(self, carrier):
        """Every request that there is, on its way."""
        return [
            carrier.create(ORDER),
            carrier.complete("CA1", "main"),
            carrier.fetch("CA1", "main"),
            carrier.find(ORDER, ASKED, ASKED + 30),
        ]

    def test_on_its_way(self):
        """While Twilio thinks, while the body comes, and while it is connecting; no timer is left."""
        self.clock.nameResolver = Names()
        self.twilio.answer(200, None)
        stub = self.http
        for stalls, http in [
            (False, stub),
            (True, stub),
            (False, HTTPClient(SilentAgent())),
            (False, HTTPClient(Agent(self.clock))),
        ]:
            self.twilio.stalls, self.http = stalls, http
            for done in self.does(self.carrier()):
                stub.flush()
                self.assertNoResult(done)
                done.cancel()
                self.failureResultOf(done, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_between_two_tries(self):
        """While it waits to try again: it does not."""
        self.twilio.refuse(429, 20429, "Too Many Requests")
        done = self.carrier().create(ORDER)
        self.assertNoResult(done)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.clock.advance(60)
        self.assertEqual((len(self.twilio.requests), self.clock.getDelayedCalls()), (1, []))


class AlarmTests(CarrierCase):
    """What is the operator's to mend is said in the log, at once and as what to do."""

    def logged(self, status, code):
        """What is logged when a call is refused so; Twilio's own words hold the number."""
        self.twilio.refuse(status, code, f"The number {NUMBER} is not good, by {TOKEN}")
        with capturedLogs() as events:
            error = self.failureResultOf(self.carrier().create(ORDER), CarrierError).value
        self.assertNotIn(NUMBER[1:], f"{error} {error!r}")
        for event in events:
            self.assertNotIn(NUMBER[1:], f"{formatEvent(event)} {event}")
            self.assertNotIn(TOKEN, f"{formatEvent(event)} {event}")
        return [formatEvent(event) for event in events if event["log_level"] is LogLevel.critical]

    def test_alarms(self):
        """One line: what was being done, what to do, the code; no number, and nothing that Twilio said."""
        for status, code, todo in [
            (401, 20003, "check account_sid and auth_token"),
            (400, 21215, "allow it in the console, at Voice, Settings, Geo permissions"),
            (403, None, "check account_sid and auth_token"),
            (404, None, "check account_sid, region and base_url"),
        ]:
            (line,) = self.logged(status, code)
            self.assertTrue(line.startswith("placing a call: "), line)
            self.assertTrue(line.endswith(f"{todo} (error {code or status})"), line)

    def test_no_alarm(self):
        """What an API client has asked wrongly is theirs to mend."""
        for status, code in [(400, 21211), (400, 29999), (500, None)]:
            self.assertEqual(self.logged(status, code), [])

"""Twilio's REST API, against a double of it in memory: what is sent, and what every answer and failure becomes."""

import json
import unittest
from base64 import b64decode
from pathlib import Path
from urllib.parse import parse_qs

from treq.client import HTTPClient
from treq.testing import StubTreq
from twisted.internet.address import IPv4Address
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.error import ConnectError, ConnectionLost, DNSLookupError
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import Agent, ResponseFailed
from twisted.web.iweb import IAgent
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer
from zope.interface.verify import verifyObject

from voiced.errors import CarrierError
from voiced.ivoiced import ICarrier
from voiced.secret import Secret
from voiced.twilio.rest import TIMEOUT, TreqTransport, TwilioCarrier
from voiced.twilio.webhook import Account

TOKEN = "a-token-nobody-may-see"
SPEC = Path(__file__).parents[2] / "shared/specs/twilio_api_v2010.json"
PATH = "/2010-04-01/Accounts/{AccountSid}/Calls/{Sid}.json"


def account(**changes):
    """The account of these tests."""
    return Account(**{"name": "main", "sid": "AC1", "tokens": (Secret(TOKEN),), **changes})


class Twilio(Resource):
    """Twilio's REST API: notes each request and answers what it is told to."""

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.requests = []
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
        request.setResponseCode(self.status)
        request.setHeader(b"Content-Type", self.content_type)
        return NOT_DONE_YET if self.body is None else self.body


@implementer(IAgent)
class DeadAgent:
    """An agent whose every request gives this Deferred."""

    def __init__(self, outcome):
        self.outcome = outcome

    def request(self, *_):
        return self.outcome


class Names:
    """A resolver that knows every name."""

    def resolveHostName(self, receiver, hostName, portNumber=0, **_):
        receiver.resolutionBegan(self)
        receiver.addressResolved(IPv4Address("TCP", "192.0.2.1", portNumber))
        receiver.resolutionComplete()


class CarrierCase(SynchronousTestCase):
    def setUp(self):
        self.clock = MemoryReactorClock()
        self.twilio = Twilio()
        self.http = StubTreq(self.twilio)

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
        """20003 says what to check."""
        self.twilio.refuse(401, 20003, "Authenticate")
        error = self.error(self.complete())
        self.assertEqual((error.code, error.status), (20003, 401))
        self.assertIn("Authenticate", str(error))
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
        for detail, said in [(None, "Unauthorized"), ("The token is old", "The token is old")]:
            self.twilio.answer(401, {**problem, "detail": detail})
            error = self.error(self.complete())
            self.assertEqual((error.code, error.status), (20003, 401))
            self.assertIn(said, str(error))

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

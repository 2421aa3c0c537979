"""The double's REST API and its clients, held against Twilio's own OpenAPI description."""

import time
from datetime import UTC, datetime
from unittest import skipUnless

from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests import twilio_contract
from tests.test_simulator_daemon import HANGUP, NUMBER, PUBLIC
from tests.test_simulator_rest import RestTestCase
from tests.twilio_contract import Undocumented, check_rest
from voiced.simulator.carrier import AUTH_TOKEN, RestRequest

PERSON = "+14155550177"
PATH = f"/2010-04-01/Accounts/AC{'5' * 32}"
CALL = f"Calls/CA{'5' * 32}.json"
YESTERDAY = datetime(1969, 12, 31, tzinfo=UTC)
FORM = "application/x-www-form-urlencoded"
ORDER = {"To": PERSON, "From": NUMBER, "Url": f"{PUBLIC}/placed?call=r1#rc=2&rp=all"}
FULL = {
    **ORDER,
    "Method": "POST",
    "FallbackUrl": PUBLIC,
    "StatusCallback": PUBLIC,
    "Timeout": "45",
    "TimeLimit": "900",
    "MachineDetection": "Enable",
    "AsyncAmd": "true",
    "AsyncAmdStatusCallback": PUBLIC,
}


class Transport(AsyncHttpClient):
    """Carries twilio-python's requests to the double in memory."""

    def __init__(self, http):
        super().__init__(None, is_async=True)
        self.http = http

    async def request(self, method, uri, params=None, data=None, headers=None, auth=None, **_):
        """Named by twilio-python."""
        pairs = [
            (name, str(one))
            for name, value in (data or {}).items()
            for one in (value if isinstance(value, list) else [value])
        ]
        answer = await self.http.request(
            method, uri, params=params or None, data=pairs or None, headers=headers, auth=auth
        )
        return Response(answer.code, await answer.text(), {})


@skipUnless(twilio_contract.available(), twilio_contract.reason())
class DoubleTests(RestTestCase):
    """What twilio-python asks of our double, and what that answers."""

    def setUp(self):
        super().setUp()
        self.double.answers["/placed"] = [HANGUP]
        transport = Transport(self.network.http())
        self.twilio = Client(self.account, AUTH_TOKEN, http_client=transport)

    def tearDown(self):
        """Every request and every answer was as it is described."""
        self.assertGreater(len(self.carrier.rest_requests), 0)
        check_rest(self.carrier.rest_requests)

    def does(self, coroutine):
        """What comes of it."""
        going = Deferred.fromCoroutine(coroutine)
        self.elapse(0)
        return self.successResultOf(going)

    def place(self, **more):
        """Ask for a call."""
        url = f"{PUBLIC}/placed"
        return self.does(self.twilio.calls.create_async(to=PERSON, from_=NUMBER, url=url, **more))

    def test_create(self):
        """A call is placed with all that can be said of it."""
        call = self.place(
            method="POST",
            fallback_url=PUBLIC,
            timeout=45,
            time_limit=900,
            status_callback=PUBLIC,
            status_callback_event=["initiated", "ringing", "answered", "completed"],
            machine_detection="DetectMessageEnd",
            async_amd="true",
            async_amd_status_callback=PUBLIC,
        )
        self.assertEqual((call.status, call.direction), ("queued", "outbound-api"))

    def test_fetch(self):
        """A call is fetched in each of its states, and the library understands its dates."""
        sid = self.place().sid
        for seconds, status in ((1, "ringing"), (2, "completed")):
            self.elapse(seconds)
            found = self.does(self.twilio.calls(sid).fetch_async())
            self.assertEqual(found.status, status)
        self.assertGreaterEqual(found.end_time, found.start_time)

    def test_update(self):
        """A call is ended."""
        sid = self.place().sid
        self.does(self.twilio.calls(sid).update_async(status="completed"))
        self.assertEqual(self.carrier.calls[sid].status, "canceled")

    def test_list(self):
        """Calls are listed over several pages, also the legs of a <Dial>."""
        self.double.answers["/placed"] = ["<Dial>+14155550133</Dial>"]
        sids = [self.place().sid for _ in range(3)]
        self.elapse(3)
        found = self.does(
            self.twilio.calls.list_async(to=PERSON, from_=NUMBER, start_time_after=YESTERDAY, page_size=2)
        )
        self.assertEqual([call.sid for call in found], sids[::-1])
        self.assertEqual(len(self.does(self.twilio.calls.list_async())), 6)

    def test_text(self):
        """A text is sent, and one that cannot be is refused."""
        sent = self.does(self.twilio.messages.create_async(to=PERSON, from_=NUMBER, body="Hello."))
        self.assertEqual((sent.status, sent.sid), ("queued", self.carrier.texts[0].sid))
        self.assertEqual(self.answer("POST", "Messages.json", {"To": PERSON, "From": NUMBER})[0], 400)

    def test_refusals(self):
        """What is refused is described, too."""
        self.carrier.refuse(PERSON, 21215)
        self.carrier.fail_rest(429)
        self.assertEqual([self.create(**ORDER)[0] for _ in range(2)], [429, 400])
        self.assertEqual(self.answer("POST", "Calls.json", form=ORDER, token="wrong")[0], 401)


@skipUnless(twilio_contract.available(), twilio_contract.reason())
class CheckTests(SynchronousTestCase):
    """The check itself catches what it is there for."""

    def request(self, method="POST", path="Calls.json", query=None, form=None, **more):
        """A request, nobody has made it."""
        pairs = {"query": list((query or {}).items()), "fields": list((form or {}).items())}
        about = {"content_type": FORM if form else "", "scheme": "Basic"}
        return RestRequest(method, f"{PATH}/{path}", **pairs, **{**about, **more})

    def test_good(self):
        """Everything that the daemon asks for."""
        check_rest(
            [
                self.request(form=FULL),
                self.request(form={**ORDER, "StatusCallbackEvent": "completed"}),
                self.request("GET", query={"To": PERSON, "StartTime>": "2023-11-14T22:13:20Z", "PageSize": "20"}),
                self.request("GET", CALL),
                self.request(path=CALL, form={"Status": "completed"}),
                self.request(path=CALL, form={"Url": PUBLIC, "Method": "POST"}),
                self.request(path="Messages.json", form={"To": PERSON, "From": NUMBER, "Body": "Hello."}),
            ]
        )

    def test_wrong(self):
        """Each of these is caught, and the sentence names what is wrong."""
        create = {name: value for name, value in ORDER.items() if name != "To"}
        for name, wrong in (
            ("'To' is a required property", self.request(form=create)),
            ("integer type: soon", self.request(form={**ORDER, "TimeLimit": "soon"})),
            ("['Colour']", self.request(form={**ORDER, "Colour": "red"})),
            ("$.Method", self.request(form={**ORDER, "Method": "PUT"})),
            ("$.Status", self.request(path=CALL, form={"Status": "busy"})),
            ("Sid", self.request("GET", "Calls/CA1.json")),
            ("PageSize", self.request("GET", query={"PageSize": "many"})),
            ("StartTime>", self.request("GET", query={"StartTime>": "yesterday"})),
            ("['Started']", self.request("GET", query={"Started": "now"})),
            ("application/json", self.request(form=ORDER, content_type="application/json")),
            ("Security", self.request(form=ORDER, scheme="")),
            ("no such operation", self.request("PUT", CALL)),
            ("Path not found", self.request("GET", "Messages/SM1.json")),
            ("['Text']", self.request(path="Messages.json", form={"To": PERSON, "Text": "Hello."})),
        ):
            error = self.assertRaises(Undocumented, check_rest, [wrong])
            self.assertIn(name, str(error))

    def test_wrong_answers(self):
        """So are answers: a date that is none, a SID of another kind, an unknown status, a strange complaint."""
        for name, status, response in (
            ("date_created", 201, b'{"date_created": "today"}'),
            ("$.sid", 201, b'{"sid": "CA1"}'),
            ("$.status", 201, b'{"status": "initiated"}'),
            ("not how Twilio complains", 400, b'{"error": "no"}'),
            ("200", 200, b"{}"),
        ):
            wrong = self.request(form=ORDER, status=status, response=response)
            error = self.assertRaises(Undocumented, check_rest, [wrong])
            self.assertIn(name, str(error))

    def test_fast(self):
        """A request takes few milliseconds, so that every test can afford it."""
        request = self.request(form=FULL)
        check_rest([request])
        began = time.process_time()
        check_rest([request] * 5)
        self.assertLess((time.process_time() - began) / 5, 0.1)

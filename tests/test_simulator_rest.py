"""The carrier's REST API: a call is fetched, ended, sent elsewhere; and everything that can be refused."""

from base64 import b64encode
from urllib.parse import urlencode

from twisted.web.server import Site

from tests.test_simulator_daemon import HANGUP, NUMBER, PUBLIC, DoubleTestCase
from voiced.simulator.carrier import AUTH_TOKEN, Ended
from voiced.simulator.rest import Rest


class RestTestCase(DoubleTestCase):
    """A carrier whose API listens, and a client of it."""

    def setUp(self):
        super().setUp()
        self.network.listen("api.twilio.com", Site(self.carrier.rest, reactor=self.clock))
        self.account = self.carrier.account.sid

    def ask(self, method, sid, token=AUTH_TOKEN, account=None, **form):
        """Ask about a call: status and JSON of the answer."""
        credentials = b64encode(f"{account or self.account}:{token}".encode()).decode()
        pending = self.network.http().request(
            method,
            f"https://api.twilio.com/2010-04-01/Accounts/{account or self.account}/Calls/{sid}.json",
            data=urlencode(form).encode() if form else None,
            headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/x-www-form-urlencoded"},
        )
        self.elapse(0)
        response = self.successResultOf(pending)
        return response.code, self.successResultOf(response.json())


class UpdateTests(RestTestCase):
    """What an update does."""

    def test_fetch(self):
        """A call has all of Twilio's properties."""
        call = self.ring()
        status, found = self.ask("GET", call.sid)
        self.assertEqual((status, found["sid"], found["status"]), (200, call.sid, "in-progress"))
        self.assertEqual((found["to"], found["direction"], found["end_time"]), (NUMBER, "inbound", None))

    def test_complete(self):
        """A completed call gets its stop, and the answer still says in-progress, as Twilio's does."""
        call = self.ring()
        status, found = self.ask("POST", call.sid, Status="completed")
        self.assertEqual((status, found["status"]), (200, "in-progress"))
        self.assertEqual((self.successResultOf(call.ended), call.status), (Ended.REST, "completed"))
        self.assertEqual(len(self.socket().events("stop")), 1)
        self.assertEqual(self.double.asked("/after"), [])

    def test_url(self):
        """A new URL leaves the stream and is asked."""
        self.double.answers["/transfer"] = ["<Dial>+14155550133</Dial>"]
        call = self.ring()
        self.ask("POST", call.sid, Url=f"{PUBLIC}/transfer")
        self.assertEqual(len(self.socket().events("stop")), 1)
        self.assertEqual([dial.numbers for dial in call.dialed], [("+14155550133",)])

    def test_twiml(self):
        """A document may come with the update."""
        call = self.ring()
        self.ask("POST", call.sid, Twiml=f"<Response><Say>Bye</Say>{HANGUP}</Response>")
        self.elapse(1)
        self.assertEqual((call.said, self.successResultOf(call.ended)), (["Bye"], Ended.HANGUP))

    def test_requests(self):
        """What was asked is kept."""
        self.ask("POST", self.ring().sid, Status="completed")
        self.assertEqual([request.form for request in self.carrier.rest_requests], [{"Status": "completed"}])


class RefusalTests(RestTestCase):
    """What is refused, and faults on demand."""

    def refused(self, *asked, **form):
        status, complaint = self.ask(*asked, **form)
        self.assertEqual(complaint["status"], status)
        return status, complaint["code"]

    def test_over(self):
        """A call that is over cannot be ended: 21220."""
        call = self.ring(HANGUP)
        self.assertEqual(self.refused("POST", call.sid, Status="completed"), (400, 21220))

    def test_cancel_answered(self):
        """A call that was answered cannot be cancelled."""
        self.assertEqual(self.refused("POST", self.ring().sid, Status="canceled"), (400, 21220))

    def test_unknown(self):
        """An unknown call: 20404."""
        self.assertEqual(self.refused("GET", "CA1"), (404, 20404))

    def test_password(self):
        """A wrong token: 20003."""
        self.assertEqual(self.refused("GET", self.ring().sid, token="wrong"), (401, 20003))

    def test_other_account(self):
        """One account does not see the other's calls."""
        other = self.make_carrier(account_sid="AC" + "7" * 32)
        self.network.forget("api.twilio.com")
        both = Rest([self.carrier.ledger, other.ledger])
        self.network.listen("api.twilio.com", Site(both, reactor=self.clock))
        call = self.ring()
        self.assertEqual(self.ask("GET", call.sid)[0], 200)
        self.assertEqual(self.refused("GET", call.sid, account="AC" + "7" * 32), (404, 20404))

    def test_long_twiml(self):
        """More than 4000 characters: 32018."""
        self.assertEqual(self.refused("POST", self.ring().sid, Twiml="x" * 4001), (400, 32018))

    def test_faults(self):
        """So many requests fail, and then all is well."""
        call = self.ring()
        self.carrier.fail_rest(429)
        self.carrier.fail_rest(500)
        self.assertEqual(self.refused("GET", call.sid), (429, 20429))
        self.assertEqual(self.ask("GET", call.sid)[0], 500)
        self.assertEqual(self.ask("GET", call.sid)[0], 200)

    def test_never(self):
        """Or are never answered."""
        self.carrier.fail_rest(None)
        pending = self.network.http().get(f"https://api.twilio.com/2010-04-01/Accounts/{self.account}/Calls/CA1.json")
        self.elapse(50)
        self.assertNoResult(pending)

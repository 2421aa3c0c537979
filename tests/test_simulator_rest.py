"""The carrier's REST API: a call is fetched, ended, sent elsewhere; and everything that can be refused."""

import json
from base64 import b64encode
from urllib.parse import parse_qs, urlencode, urlsplit

from hypothesis import given
from hypothesis import strategies as st
from twisted.web.server import Site

from tests.test_simulator_daemon import HANGUP, NEVER, NUMBER, PUBLIC, STREAM, DoubleTestCase
from voiced.simulator.carrier import AUTH_TOKEN, Ended
from voiced.simulator.orders import read
from voiced.simulator.refusal import Refusal
from voiced.simulator.rest import Rest

PERSON = "+14155550177"
ORDER = {"To": PERSON, "From": NUMBER, "Url": f"{PUBLIC}/placed"}


class RestTestCase(DoubleTestCase):
    """A carrier whose API listens, and a client of it."""

    def setUp(self):
        super().setUp()
        self.network.listen("api.twilio.com", Site(self.carrier.rest, reactor=self.clock))
        self.account = self.carrier.account.sid

    def request(self, method, path, form=None, query=(), token=AUTH_TOKEN, account=None):
        """Ask for something; the Deferred of the answer."""
        credentials = b64encode(f"{account or self.account}:{token}".encode()).decode()
        return self.network.http().request(
            method,
            f"https://api.twilio.com/2010-04-01/Accounts/{account or self.account}/{path}",
            params=query or None,
            data=urlencode(form, doseq=True).encode() if form else None,
            headers={"Authorization": f"Basic {credentials}", "Content-Type": "application/x-www-form-urlencoded"},
        )

    def answer(self, *asked, **how):
        """Ask, and wait: status and JSON of the answer."""
        pending = self.request(*asked, **how)
        self.elapse(0)
        response = self.successResultOf(pending)
        return response.code, self.successResultOf(response.json())

    def ask(self, method, sid, token=AUTH_TOKEN, account=None, **form):
        """Ask about a call."""
        return self.answer(method, f"Calls/{sid}.json", form, token=token, account=account)

    def create(self, **form):
        """Ask for a call."""
        return self.answer("POST", "Calls.json", form)


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
        (asked,) = self.carrier.rest_requests
        self.assertEqual((asked.form, asked.fields), ({"Status": "completed"}, [("Status", "completed")]))
        self.assertEqual(
            (asked.status, asked.scheme, json.loads(asked.response)["status"]), (200, "Basic", "in-progress")
        )

    def test_time_limit(self):
        """A call may be given another time to last, counted from its answer."""
        call = self.ring()
        self.ask("POST", call.sid, TimeLimit="60")
        self.elapse(10)
        self.ask("POST", call.sid, TimeLimit="20")
        self.elapse(10.1)
        self.assertEqual(self.successResultOf(call.ended), Ended.TIME_LIMIT)

    def test_status_callback(self):
        """Who is told may change, together with the URL."""
        self.double.answers |= {"/other": [STREAM], "/news": [(204, "")]}
        call = self.ring()
        self.ask("POST", call.sid, StatusCallback=f"{PUBLIC}/news")
        self.ask("POST", call.sid, Url=f"{PUBLIC}/other", StatusCallback=f"{PUBLIC}/news", FallbackUrl=f"{PUBLIC}/f")
        call.hang_up()
        self.elapse(0)
        self.assertEqual((len(self.double.asked("/news")), self.double.asked("/status")), (1, []))
        self.assertEqual(call.plan.fallback.url, f"{PUBLIC}/f")

    def test_cancel(self):
        """A call that still rings is canceled, whichever word is used."""
        for status in ("canceled", "completed"):
            call = self.ring(NEVER)
            self.ask("POST", call.sid, Status=status)
            self.assertEqual(call.status, "canceled")
            self.elapse(30)

    def test_same_moment(self):
        """Of two updates at once the first ends the call, and the second finds nothing to do."""
        call = self.ring()
        both = [self.request("POST", f"Calls/{call.sid}.json", {"Status": "completed"}) for _ in range(2)]
        self.elapse(0)
        self.assertEqual([self.successResultOf(one).code for one in both], [200, 200])


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

    def test_nowhere(self):
        """What is no resource, or another's, is not found."""
        for path in ("Calls", "Messages.json", "Calls/x/Events.json"):
            self.assertEqual(self.answer("GET", path)[0], 404)
        self.assertEqual(self.answer("GET", "Calls.json", account="AC" + "9" * 32)[0], 404)

    def test_updates(self):
        """An update that makes no sense is refused, and nothing is changed."""
        call = self.ring()
        for code, form in (
            (20422, {"Status": "ringing"}),
            (21205, {"Url": "nowhere"}),
            (21209, {"Url": PUBLIC, "Method": "PUT"}),
            (20422, {"TimeLimit": "long"}),
        ):
            self.assertEqual(self.refused("POST", call.sid, **form), (400, code))
        self.assertEqual(len(call.streams), 1)
        self.assertFalse(call.over)

    def test_redirect_ringing(self):
        """A call that still rings cannot be sent elsewhere."""
        self.assertEqual(self.refused("POST", self.ring(NEVER).sid, Url=f"{PUBLIC}/x"), (400, 21220))
        self.elapse(30)


class OrderTests(RestTestCase):
    """What Twilio refuses to call, and how it says so."""

    def test_fields(self):
        """Each wrong field has its code, and no call is placed."""
        for code, wrong in (
            (21201, {"To": ""}),
            (21213, {"From": ""}),
            (21205, {"Url": ""}),
            (21218, {"Url": "", "ApplicationSid": "AP" + "0" * 32}),
            (21205, {"Url": "/relative"}),
            (21205, {"Url": "https://host_name/x"}),
            (21205, {"Url": "https://[::1/x"}),
            (21205, {"StatusCallback": "ftp://x/y"}),
            (32018, {"Url": "", "Twiml": "x" * 4001}),
            (21211, {"To": "4155550177"}),
            (21211, {"To": "+1"}),
            (21211, {"To": NUMBER}),
            (21212, {"From": "voiced"}),
            (21210, {"From": "+14155550166"}),
            (21208, {"Timeout": "601"}),
            (21208, {"Timeout": "soon"}),
            (21209, {"Method": "PUT"}),
            (21209, {"StatusCallbackMethod": "get", "StatusCallback": PUBLIC}),
            (21206, {"SendDigits": "call me"}),
            (20422, {"TimeLimit": "86401"}),
            (20422, {"StatusCallbackEvent": "initiated ringing"}),
            (21263, {"MachineDetection": "yes"}),
            (21263, {"AsyncAmd": "True"}),
            (21263, {"MachineDetectionTimeout": "60"}),
        ):
            status, complaint = self.create(**{**ORDER, **wrong})
            self.assertEqual((status, complaint["code"]), (400, code), wrong)
            self.assertEqual(complaint["more_info"], f"https://www.twilio.com/docs/errors/{code}")
        self.assertEqual(self.carrier.placed, [])

    def test_number(self):
        """A number may be refused with any code."""
        for code in (21214, 21215, 21216, 21217):
            self.carrier.refuse(PERSON, code)
            self.assertEqual(self.create(**ORDER)[1]["code"], code)

    def test_trial(self):
        """A trial account calls verified numbers only."""
        self.carrier.account.trial = True
        self.assertEqual(self.create(**ORDER)[1]["code"], 21219)
        self.carrier.account.verified.add(PERSON)
        self.assertEqual(self.create(**ORDER)[0], 201)

    def test_verified_caller(self):
        """A number of somebody else's may be shown once it is verified."""
        self.carrier.account.verified.add("+14155550166")
        self.assertEqual(self.create(**{**ORDER, "From": "+14155550166"})[1]["from"], "+14155550166")

    def test_too_many(self):
        """An account has so many calls at once, of both directions: 10004."""
        self.carrier.account.most_calls = 2
        self.assertEqual([self.create(**ORDER)[0] for _ in range(2)], [201, 201])
        status, complaint = self.create(**ORDER)
        self.assertEqual((status, complaint["code"]), (429, 10004))
        self.carrier.placed[0].hang_up()
        self.assertEqual(self.create(**ORDER)[0], 201)

    def test_credentials(self):
        """Whoever cannot say the account's token places nothing."""
        status, complaint = self.answer("POST", "Calls.json", ORDER, token="wrong")
        self.assertEqual((status, complaint["code"], self.carrier.placed), (401, 20003, []))

    def test_too_fast(self):
        """429 for the next few, and then all is well."""
        self.carrier.fail_rest(429, 2)
        self.assertEqual([self.create(**ORDER)[0] for _ in range(3)], [429, 429, 201])

    def test_created(self):
        """What is answered is the call's resource, queued still, and it says who placed it."""
        status, found = self.create(**ORDER)
        self.assertEqual((status, found["status"], found["direction"]), (201, "queued", "outbound-api"))
        self.assertEqual((found["to"], found["from"], found["start_time"]), (PERSON, NUMBER, None))

    @given(st.dictionaries(st.sampled_from([*ORDER, "Timeout", "Twiml", "SendDigits", "StatusCallback"]), st.text()))
    def test_nonsense(self, form):
        """Whatever is sent is an order or refused."""
        try:
            self.assertEqual(
                read(list({**ORDER, **form}.items()), self.carrier.account).plan.direction, "outbound-api"
            )
        except Refusal as refusal:
            self.assertEqual(refusal.answer()[0], 400)


class ListTests(RestTestCase):
    """Calls, page by page."""

    def setUp(self):
        super().setUp()
        self.clock.advance(1_700_000_000)  # 2023-11-14T22:13:20Z
        self.double.answers["/placed"] = [STREAM]
        self.sids = []
        for number in (PERSON, "+14155550178", PERSON):
            self.sids.append(self.create(**{**ORDER, "To": number})[1]["sid"])
            self.elapse(60)

    def list(self, **query):
        """SIDs of the page, and the page."""
        status, found = self.answer("GET", "Calls.json", query={key.replace("_", ""): v for key, v in query.items()})
        self.assertEqual(status, 200, found)
        return [call["sid"] for call in found["calls"]], found

    def test_newest_first(self):
        """All of them, the newest first."""
        sids, found = self.list()
        self.assertEqual((sids, found["next_page_uri"], found["page_size"]), (self.sids[::-1], None, 50))

    def test_filters(self):
        """By who was called, from where, how it stands, and when it began."""
        one, two, three = self.sids
        self.carrier.calls[one].hang_up()
        for query, found in (
            ({"To": PERSON}, [three, one]),
            ({"To": PERSON, "Status": "in-progress"}, [three]),
            ({"From": "+14155550100"}, []),
            ({"StartTime>": "2023-11-14T22:14:20Z"}, [three, two]),
            ({"StartTime<": "2023-11-14T22:14:20Z"}, [one]),
            ({"StartTime": "2023-11-14T22:14:20Z"}, [two]),
            ({"StartTime": "2023-11-14"}, [three, two, one]),
            ({"StartTime>": "2023-11-15"}, []),
            ({"EndTime>": "2023-11-14"}, [one]),
            ({"ParentCallSid": one}, []),
        ):
            self.assertEqual(self.list(**query)[0], found, query)

    def test_pages(self):
        """Each page says where the next one is; calls that come meanwhile do not move it."""
        sids, found = self.list(PageSize="2", To=PERSON)
        self.assertEqual((sids, found["next_page_uri"]), ([self.sids[2], self.sids[0]], None))
        sids, found = self.list(PageSize="2")
        self.create(**ORDER)
        query = {key: values[0] for key, values in parse_qs(urlsplit(found["next_page_uri"]).query).items()}
        more, last = self.list(**query)
        self.assertEqual((sids + more, last["next_page_uri"], last["page"]), (self.sids[::-1], None, 1))
        self.assertEqual((last["start"], last["end"]), (2, 2))

    def test_refused(self):
        """What cannot be understood is refused."""
        for query in ({"PageSize": "0"}, {"PageSize": "many"}, {"StartTime>": "yesterday"}):
            self.assertEqual(self.answer("GET", "Calls.json", query=query)[1]["code"], 20422)

    def test_children(self):
        """The legs of a <Dial> are calls too, of their own direction, and cannot be changed."""
        call = self.ring("<Dial>+14155550133</Dial>")
        self.elapse(3)
        (sid,), _ = self.list(ParentCallSid=call.sid)
        status, leg = self.ask("GET", sid)
        self.assertEqual((status, leg["direction"], leg["parent_call_sid"]), (200, "outbound-dial", call.sid))
        self.assertEqual((leg["to"], leg["status"]), ("+14155550133", "in-progress"))
        self.assertEqual(self.ask("POST", sid, Status="completed")[1]["code"], 21220)

"""GET /calls, GET and DELETE /calls/{sid}, POST /calls/{sid}/transfer, POST /reload: what is shown and done."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.error import ConnectionLost
from twisted.internet.testing import EventLoggingObserver
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure

from tests.test_api_memory import (
    FORM,
    JSON,
    KEY,
    NARROW,
    NOW,
    NUMBER,
    PARTIES,
    PUBLIC_URL,
    SID,
    ApiTestCase,
    FakeKept,
    live_call,
    parse,
)
from voiced import journal
from voiced.call.privacy import Privacy
from voiced.call.records import (
    AgentRecord,
    CallInfo,
    CallRecord,
    Direction,
    Ending,
    Gap,
    LegRecord,
    RecordingRecord,
    Said,
    StepRecord,
    TextRecord,
    ToolRecord,
)
from voiced.daemon import Api
from voiced.errors import BadWish, CallOver, ConfigError, Fault, Overloaded, Refused, StoreError
from voiced.ivoiced import Dial
from voiced.testing.fake_store import FakePlacedCalls

OTHER = "CA" + "f" * 32


def kept_line(sid: str = SID, flow: str = "test", **more: Any) -> dict[str, Any]:
    """A line of the journal, of a call that is over."""
    info = CallInfo(sid, "main", NUMBER, "+14155550123")
    record = CallRecord(info, flow, NOW - 60, NOW - 30, Ending.COMPLETED)
    return journal.ended(record, Privacy.MASKED) | more


class ListTests(ApiTestCase):
    """GET /calls."""

    def sids(self, query: str = "", **how: Any) -> list[str]:
        """The SIDs of all pages, in order; each page's link leads to the next."""
        found, link = [], f"/calls{query}"
        while link:
            page = self.ask("GET", link, **how)
            self.assertEqual(page.status, 200, page.body)
            found += [call["callSid"] for call in page.json["calls"]]
            link = (page.json["next"] or "").removeprefix(PUBLIC_URL)
            self.assertEqual(bool(link), page.json["before"] is not None)
        return found

    def fill(self, live: int, kept: int) -> list[str]:
        """So many calls, of two flows in turn; gives their SIDs, newest first."""
        flows = ("test", "sales")
        self.live.calls = [live_call(f"CAlive{n}", flows[n % 2], NOW + n) for n in range(live)]
        for number in range(kept):
            self.kept.keep(kept_line(f"CAkept{number}", flows[number % 2]))
        return [call.info.sid for call in reversed(self.live.calls)] + [line["call"] for line in self.kept.lines]

    def test_nothing(self) -> None:
        """No calls are an empty list, and no next page."""
        reply = self.ask("GET", "/calls")
        self.assertEqual((reply.status, reply.json), (200, {"calls": [], "before": None, "next": None}))

    def test_order(self) -> None:
        """Live ones first, newest first, then those that are over, whatever the size of a page."""
        expected = self.fill(5, 4)
        for limit in (1, 2, 3, 4, 5, 6, 9, 200):
            self.assertEqual(self.sids(f"?limit={limit}"), expected)
        self.assertEqual(self.sids(), expected)

    def test_same_moment(self) -> None:
        """Calls that began together come once each."""
        self.live.calls = [live_call(f"CA{n}") for n in range(5)]
        self.assertEqual(sorted(self.sids("?limit=2")), [f"CA{n}" for n in range(5)])

    def test_state(self) -> None:
        """Only live ones, or only those that are over."""
        expected = self.fill(3, 3)
        for limit in (1, 3, 50):
            self.assertEqual(self.sids(f"?state=live&limit={limit}"), expected[:3])
            self.assertEqual(self.sids(f"?state=ended&limit={limit}"), expected[3:])

    def test_flows(self) -> None:
        """A key for some flows sees their calls only."""
        self.fill(4, 4)
        self.assertEqual(self.sids("?limit=1", key=NARROW), ["CAlive3", "CAlive1", "CAkept3", "CAkept1"])

    def test_ends_meanwhile(self) -> None:
        """A call that ends between two pages is not lost."""
        self.fill(3, 0)
        link = self.ask("GET", "/calls?limit=1").json["next"].removeprefix(PUBLIC_URL)
        self.kept.keep(kept_line(self.live.calls.pop(0).info.sid))
        self.assertEqual(self.sids(link.removeprefix("/calls")), ["CAlive1", "CAlive0"])

    def test_not_there_yet(self) -> None:
        """A call that the carrier has not named yet cannot be shown."""
        self.live.calls = [live_call("")]
        self.assertEqual(self.sids(), [])

    def test_a_live_one(self) -> None:
        """A live call in a few words, numbers in full."""
        self.live.calls = [live_call(stage="draining")]
        self.clock.advance(2.5)
        [call] = self.ask("GET", "/calls").json["calls"]
        self.assertEqual(
            call,
            {
                "callSid": SID,
                "state": "live",
                "stage": "draining",
                "account": "main",
                "direction": "inbound",
                "caller": NUMBER,
                "called": "+14155550123",
                "flow": "test",
                "began": "2023-11-14T22:13:20.000+00:00",
                "answered": None,
                "ended": None,
                "seconds": 2.5,
                "ending": None,
                "node": "",
                "verb": "",
                "agent": "",
            },
        )

    def test_a_kept_one(self) -> None:
        """One that is over as it was kept: the journal has masked its numbers."""
        self.kept.keep(kept_line())
        [call] = self.ask("GET", "/calls").json["calls"]
        shown = (call["state"], call["stage"], call["ending"], call["seconds"], call["caller"])
        self.assertEqual(shown, ("ended", "", "completed", 30.0, Privacy.MASKED.party(NUMBER)))
        times = (call["began"], call["ended"])
        self.assertEqual(times, ("2023-11-14T22:12:20.000+00:00", "2023-11-14T22:12:50.000+00:00"))

    def test_unreadable(self) -> None:
        """A line that cannot be read is left out, and does not hide the others."""
        for line in ({"ending": "exploded"}, {"seconds": "long"}, {"call": None}):
            self.kept.lines = [kept_line(OTHER, **line), kept_line()]
            self.assertEqual(self.sids(), [SID])

    def test_store(self) -> None:
        """A broken store is 503; live calls can still be asked for."""
        self.kept.error = fail(StoreError("disk"))
        self.assert_problem(self.ask("GET", "/calls"), 503)
        self.assertEqual(self.sids("?state=live"), [])

    def test_wrong(self) -> None:
        """What is asked wrongly is named."""
        for query, path in (
            ("state=dead", "state"),
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=many", "limit"),
            ("limit=1&limit=1", "limit"),
            ("before=x", "before"),
            ("before=live.1", "before"),
            ("before=kept.x", "before"),
            ("before=live.1.%0a", "before"),
            ("before=kept.1&state=live", "before"),
            ("before=live.1.CA1&state=ended", "before"),
            ("page=2", "page"),
        ):
            with self.subTest(query=query):
                self.assert_problem(self.ask("GET", f"/calls?{query}"), 400, path=path)
        self.assert_problem(self.ask("GET", "/calls?limit"), 400)

    def test_head(self) -> None:
        """HEAD says how long the answer would be."""
        whole, head = self.ask("GET", "/calls"), self.ask("HEAD", "/calls")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assertEqual(head.headers["content-length"], whole.headers["content-length"])


class ShowTests(ApiTestCase):
    """GET /calls/{sid}."""

    def test_live(self) -> None:
        """A live call has all that is known: where it stands, what was said so far, who else is on it."""
        call = live_call(position=[("test", "start", 0), ("sales", "talk", 2)])
        call.lines = [Said("caller", "Hello?", NOW)]
        record = call.record
        record.steps = [StepRecord("start", 1, "say", NOW, NOW + 1, "heard"), StepRecord("talk", 3, "agent", NOW + 1)]
        before = AgentRecord("first", NOW, NOW + 1, transcript=[Said("agent", "Hi.", NOW)], outcome="completed")
        before.tools = [ToolRecord("clock", 0.5, False)]
        record.agents = [before, AgentRecord("second", NOW + 1)]
        record.legs = [LegRecord("+14155550199", NOW, NOW + 9, "busy")]
        record.recordings = [RecordingRecord("recordings/x.wav", 3.0, "key")]
        record.texts = [TextRecord("+14155550199", NOW, "SM1")]
        record.missing, record.faults = Gap(1, 2, 0.5), ["It was cold."]
        record.placed_by, record.answered_by, record.answered = "crm", "human", NOW
        self.live.calls = [call]
        shown = self.ask("GET", f"/calls/{SID}").json
        self.assertEqual(
            shown["position"],
            [{"flow": "test", "node": "start", "step": 1}, {"flow": "sales", "node": "talk", "step": 3}],
        )
        self.assertEqual([step["node"] for step in shown["steps"]], ["start", "talk"])
        said = [
            (agent["agent"], agent["lines"], [line["text"] for line in agent["transcript"]])
            for agent in shown["agents"]
        ]
        self.assertEqual(said, [("first", 1, ["Hi."]), ("second", 1, ["Hello?"])])
        self.assertEqual(shown["agents"][0]["tools"], [{"tool": "clock", "seconds": 0.5, "error": False}])
        self.assertEqual([(leg["to"], leg["result"]) for leg in shown["legs"]], [("+14155550199", "busy")])
        self.assertEqual([each["file"] for each in shown["recordings"]], ["recordings/x.wav"])
        self.assertEqual([(each["to"], each["sid"]) for each in shown["texts"]], [("+14155550199", "SM1")])
        self.assertEqual(shown["missing"], {"frames": 1, "messages": 2, "seconds": 0.5})
        self.assertEqual(
            (shown["faults"], shown["placed_by"], shown["answered_by"]), (["It was cold."], "crm", "human")
        )

    def test_kept(self) -> None:
        """One that is over has what its line in the journal has."""
        info = CallInfo(SID, "main", "+14155550123", NUMBER, Direction.OUTBOUND)
        record = CallRecord(info, "test", NOW, NOW + 9, Ending.MACHINE)
        record.steps = [StepRecord("start", 1, "say", NOW, NOW + 1, "heard")]
        record.agents = [AgentRecord("first", NOW, NOW + 1, transcript=[Said("agent", "Hi.", NOW)])]
        record.faults = ["It was cold."]
        for privacy, words in ((Privacy.OPEN, ["Hi."]), (Privacy.MASKED, []), (Privacy.STRICT, [])):
            self.kept.lines = [journal.ended(record, privacy)]
            shown = self.ask("GET", f"/calls/{SID}").json
            self.assertEqual((shown["called"], shown["ending"]), (privacy.party(NUMBER), "machine"))
            self.assertEqual([line["text"] for line in shown["agents"][0]["transcript"]], words)
            self.assertEqual((shown["agents"][0]["lines"], shown["faults"]), (1, ["It was cold."]))
            self.assertEqual([step["result"] for step in shown["steps"]], ["heard"])

    def test_nobody(self) -> None:
        """An unknown call, and one that is not for this key, are the same 404."""
        self.live.calls = [live_call()]
        self.kept.lines = [kept_line(OTHER)]
        hidden = [self.ask("GET", f"/calls/{sid}", key=NARROW) for sid in (SID, OTHER, "CA1", "no-sid", "x" * 99)]
        self.assertEqual({self.assert_problem(reply, 404) for reply in hidden}, {"there is no such call"})
        seen = [self.ask("GET", f"/calls/{sid}").status for sid in (SID, OTHER)]
        self.assertEqual(seen, [200, 200])

    def test_nameless(self) -> None:
        """No name is no call's, also while one is being placed."""
        self.live.calls = [live_call("")]
        self.assert_problem(self.ask("GET", "/calls/"), 404)

    def test_unreadable(self) -> None:
        """What cannot be read is 503, and not somebody's else's fault."""
        self.kept.lines = [kept_line(seconds="long")]
        self.assert_problem(self.ask("GET", f"/calls/{SID}"), 503)


class ActTests(ApiTestCase):
    """DELETE and transfer."""

    def setUp(self) -> None:
        """One call lives, one is over."""
        super().setUp()
        self.call = live_call(flow="sales")
        self.live.calls = [self.call]
        self.kept.lines = [kept_line(OTHER, flow="sales")]

    def test_end(self) -> None:
        """A goodbye unless it shall be now."""
        for query in ("", "?how=goodbye", "?how=now"):
            reply = self.ask("DELETE", f"/calls/{SID}{query}", key=NARROW)
            self.assertEqual(reply.status, 202)
            self.assertEqual(reply.json, {"success": True, "message": "The call is ending", "callSid": SID})
        self.assertEqual(self.call.done, ["goodbye", "goodbye", "now"])

    def test_end_over(self) -> None:
        """A call that is over already is what was wanted."""
        self.call.error = CallOver()
        for sid in (SID, OTHER):
            self.assertEqual(self.ask("DELETE", f"/calls/{sid}").status, 200)
        self.assert_problem(self.ask("DELETE", "/calls/CA1"), 404)

    def test_end_how(self) -> None:
        """Only these two ways."""
        self.assert_problem(self.ask("DELETE", f"/calls/{SID}?how=softly"), 400, path="how")
        self.assertEqual(self.call.done, [])

    def test_end_of_another_daemon(self) -> None:
        """A call that a daemon before us has placed is ended as well; a key for some flows is told of none."""
        self.placing.orphans = ["CAorphan"]
        reply = self.ask("DELETE", "/calls/CAorphan?how=now")
        self.assertEqual(reply.status, 202)
        self.assertEqual(reply.json, {"success": True, "message": "The call is ending", "callSid": "CAorphan"})
        self.assertEqual(self.placing.asked, ["CAorphan"])
        self.assert_problem(self.ask("DELETE", "/calls/CAorphan", key=NARROW), 404)
        self.assert_problem(self.ask("DELETE", "/calls/CAother"), 404)
        self.assertEqual((self.placing.asked, self.call.done), (["CAorphan", "CAother"], []))

    def test_end_of_one_that_is_known(self) -> None:
        """What lives, or is over, is nobody else's: no daemon before us is asked about it."""
        self.placing.orphans = [SID, OTHER]
        for sid, status in ((SID, 202), (OTHER, 200)):
            for key in (KEY, NARROW):
                self.assertEqual(self.ask("DELETE", f"/calls/{sid}", key=key).status, status)
        self.assertEqual((self.placing.asked, self.call.done), ([], ["goodbye"] * 2))

    def test_end_of_another_daemon_hidden(self) -> None:
        """What is no SID, or goes wrong, never gets as far as the calls of other daemons; a broken store is 503."""
        for sid in ("x" * 65, "CA-1", "CA%201"):
            self.assert_problem(self.ask("DELETE", f"/calls/{sid}"), 404)
        self.assert_problem(self.ask("DELETE", "/calls/CAorphan?how=softly"), 400, path="how")
        self.assert_problem(self.ask("DELETE", "/calls/CAorphan", key=None), 401)
        for method, path in (("GET", ""), ("POST", "/transfer")):
            body = {"to": "+14155550199"} if method == "POST" else b""
            self.assert_problem(self.ask(method, f"/calls/CAorphan{path}", body), 404)
        self.assertEqual(self.placing.asked, [])
        self.placing.broken = StoreError("disk at /var/lib")
        reply = self.ask("DELETE", "/calls/CAorphan")
        self.assertNotIn("/var", self.assert_problem(reply, 503))
        self.assertIn("retry-after", reply.headers)
        self.kept.error = fail(StoreError("disk"))
        self.assert_problem(self.ask("DELETE", "/calls/CAorphan"), 503)
        self.assertEqual(self.placing.asked, ["CAorphan"])

    def test_transfer(self) -> None:
        """To a number or a SIP address, as JSON or a form."""
        for body, kind, dial in (
            ({"to": "+14155550199"}, None, Dial("+14155550199")),
            (
                {"to": "sip:a@b.test;x=1", "timeout": 9, "caller_id": NUMBER},
                None,
                Dial("sip:a@b.test;x=1", NUMBER, 9),
            ),
            ({"to": "sips:a@b.test"}, None, Dial("sips:a@b.test")),
            (b"to=sips%3Aa%40b.test%3Bx%3D1", FORM, Dial("sips:a@b.test;x=1")),
            (b"to=%2B14155550199&timeout=9&caller_id=", FORM, Dial("+14155550199", None, 9)),
        ):
            reply = self.ask("POST", f"/calls/{SID}/transfer", body, kind=kind)
            self.assertEqual((reply.status, reply.json["callSid"]), (202, SID))
            self.assertEqual(self.call.done.pop(), dial)
            self.assertEqual(self.placing.parties.pop(), PARTIES[KEY])

    def test_transfer_wrong(self) -> None:
        """Whatever is no number and no SIP address."""
        for fields, path in (
            ({}, "to"),
            ({"to": ""}, "to"),
            ({"to": "14155550199"}, "to"),
            ({"to": "+14155550199\n"}, "to"),
            ({"to": "+1415555<Say>"}, "to"),
            ({"to": 'sip:a"@b'}, "to"),
            ({"to": "sip:a b"}, "to"),
            ({"to": "sip:<a@b>"}, "to"),
            ({"to": "sips:"}, "to"),
            ({"to": "sips:a b"}, "to"),
            ({"to": "sipss:a@b"}, "to"),
            ({"to": "SIPS:a@b"}, "to"),
            ({"to": "sips:a@b\n"}, "to"),
            ({"to": "sips:" + "a" * 251}, "to"),
            ({"to": "sip:" + "a" * 255}, "to"),
            ({"to": "+14155550199", "timeout": 0}, "timeout"),
            ({"to": "+14155550199", "caller_id": "Ann"}, "caller_id"),
            ({"to": "+14155550199", "number": "1"}, "number"),
        ):
            with self.subTest(fields=fields):
                self.assert_problem(self.ask("POST", f"/calls/{SID}/transfer", fields), 400, path=path)
        self.assertEqual((self.call.done, self.placing.parties), ([], []))

    def test_transfer_who(self) -> None:
        """The key that asks is counted for it, whichever it is."""
        for key in (KEY, NARROW):
            self.ask("POST", f"/calls/{SID}/transfer", {"to": "+14155550199"}, key=key)
        self.assertEqual([party.name for party in self.placing.parties], ["crm", "sales"])

    def test_transfer_not_begun(self) -> None:
        """A caller id that is none of ours is 400; what cannot be counted is 503; the call is told of neither."""
        path, body = f"/calls/{SID}/transfer", {"to": "+14155550199", "caller_id": "+14155550188"}
        self.placing.refuses = fail(BadWish("caller_id", "this is none of our numbers"))
        self.assertIn("none of our", self.assert_problem(self.ask("POST", path, body), 400, path="caller_id"))
        self.placing.refuses = fail(StoreError("disk at /var/lib"))
        reply = self.ask("POST", path, body)
        self.assertNotIn("/var", self.assert_problem(reply, 503))
        self.assertIn("retry-after", reply.headers)
        self.assertEqual(self.call.done, [])

    def test_transfer_takes_time(self) -> None:
        """It is answered when the transfer is begun; a client that goes away before does not have it."""
        headers = [("Authorization", f"Bearer {KEY}"), ("Content-Type", JSON)]
        cancelled: list[Deferred[None]] = []
        for leaves in (False, True):
            counting: Deferred[None] = Deferred(cancelled.append)
            self.placing.refuses = counting
            body = b'{"to": "+14155550199"}'
            channel, transport = self.send("POST", f"/calls/{SID}/transfer", body, headers)
            self.assertEqual((transport.value(), cancelled), (b"", []))
            if leaves:
                channel.connectionLost(Failure(ConnectionLost()))
                self.assertEqual(cancelled, [counting])
            else:
                counting.callback(None)
                self.assertEqual(parse(transport.value()).status, 202)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_transfer_refused(self) -> None:
        """The guard says no; or the call cannot be transferred now."""
        path, body = f"/calls/{SID}/transfer", {"to": "+14155550199"}
        self.call.error = Refused("allow", "No.")
        self.assert_problem(self.ask("POST", path, body), 403, rule="allow")
        self.call.error = Refused("calls_per_day", "No.", retry_after=60)
        self.assert_problem(self.ask("POST", path, body), 429, rule="calls_per_day")
        self.call.error, self.call.stage = CallOver(), "ringing"
        self.assertIn("ringing", self.assert_problem(self.ask("POST", path, body), 409))
        self.assert_problem(self.ask("POST", f"/calls/{OTHER}/transfer", body), 409)
        self.assert_problem(self.ask("POST", "/calls/CA1/transfer", body), 404)

    def test_others(self) -> None:
        """A call of a flow that is not this key's is not there, and nothing happens to it."""
        self.call.flow = live_call(flow="secret").flow
        for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/transfer")):
            body = {"to": "+14155550199"} if method == "POST" else b""
            self.assert_problem(self.ask(method, f"/calls/{SID}{path}", body, key=NARROW), 404)
        self.assertEqual(self.call.done, [])

    def test_log(self) -> None:
        """One line says who did what to which call; no number is in it."""
        observer = EventLoggingObserver()
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.ask("DELETE", f"/calls/{SID}?how=now", key=NARROW)
        self.ask("POST", f"/calls/{SID}/transfer", {"to": "+14155550199"})
        self.ask("POST", "/outbound-call", {"number": NUMBER, "prompt": "secret"})
        self.ask("GET", f"/calls/{SID}")
        self.placing.orphans = ["CA7"]
        self.ask("DELETE", "/calls/CA7")
        self.ask("DELETE", "/calls/CA8")
        ours = [event["log_format"].format(**event) for event in observer if "voiced.api" in event["log_namespace"]]
        expected = [
            f"sales: ends {SID} (now)",
            f"crm: transfers {SID}",
            f"crm: places {SID}",
            "crm: ends CA7, which a daemon before us has placed",
        ]
        self.assertEqual(ours, expected)


class ReloadTests(ApiTestCase):
    """`POST /reload`."""

    def test_good(self) -> None:
        """The version, the flows, and what needs a restart."""
        reply = self.ask("POST", "/reload")
        version = {"hash": "b" * 12, "loaded": "2023-11-14T22:13:20.000+00:00"}
        told = {"success": True, "version": version, "flows": ["sales", "support"], "restart": ["listen"]}
        self.assertEqual((reply.status, reply.json), (200, told))

    def test_faults(self) -> None:
        """Faults are 422, each in its parts; how many there are is in the sentence."""
        for faults, sentence in (
            ([Fault("f", 1, 2, "no")], "1 fault in"),
            ([Fault("f", 1, 2, "no"), Fault("f", 1, 2, "nor")], "2 faults in"),
        ):
            self.reloading = fail(ConfigError(faults))
            reply = self.ask("POST", "/reload")
            self.assertEqual(reply.status, 422)
            self.assertTrue(reply.json["error"].startswith(sentence))
            told = [{"file": "f", "line": 1, "column": 2, "message": fault.message} for fault in faults]
            self.assertEqual((reply.json["success"], reply.json["faults"]), (False, told))

    def test_stopping(self) -> None:
        """A daemon that stops says so."""
        self.reloading = fail(Overloaded("the daemon is stopping"))
        self.assertEqual(self.assert_problem(self.ask("POST", "/reload"), 503), "the daemon is stopping")

    def test_who(self) -> None:
        """A key for some flows may not, and nobody without a key; nor has it any parameters."""
        self.assert_problem(self.ask("POST", "/reload", key=NARROW), 403)
        self.assert_problem(self.ask("POST", "/reload", key=None), 401)
        self.assert_problem(self.ask("POST", "/reload?now=1"), 400, path="now")

    def test_client_gone(self) -> None:
        """A client that does not wait stops nothing."""
        self.reloading = Deferred(lambda _: self.fail("it was stopped"))
        channel, _ = self.send("POST", "/reload", headers=[("Authorization", f"Bearer {KEY}")])
        channel.connectionLost(Failure(ConnectionLost()))
        self.reloading.errback(ConfigError([Fault("f", 1, 2, "no")]))
        self.assertEqual(self.flushLoggedErrors(ConfigError), [])

    def test_by_hand(self) -> None:
        """A daemon whose program comes from no files says that there is nothing to reload."""
        self.reloading = Api(FakePlacedCalls(), FakeKept()).reload()
        self.assertIn("comes from no files", self.ask("POST", "/reload").json["faults"][0]["message"])

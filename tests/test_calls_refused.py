"""Whole calls that get a no: strangers, forgers, broken wires, numbers without a flow, too many at once."""

from __future__ import annotations

import base64
import json

from twisted.internet.defer import Deferred, fail

from tests.house import NUMBER, PUBLIC_URL, House, flow, say
from voiced.call.dialplan import DialPlan
from voiced.call.records import Ending
from voiced.call.steps.speech import Pause
from voiced.errors import Refused
from voiced.secret import Secret
from voiced.simulator.carrier import ACCOUNT_SID, AUTH_TOKEN, Carrier
from voiced.twilio.webhook import Account, Accounts

ONE, TWO = "CA" + "1" * 32, "CA" + "2" * 32
FORM = {"CallSid": ONE, "AccountSid": ACCOUNT_SID, "From": "+14155550100", "To": NUMBER, "CallStatus": "ringing"}


class PoliteTests(House):
    """Callers who hear why not."""

    def test_unknown_number(self) -> None:
        """A number that no flow answers gets a spoken refusal, and a record."""
        self.lives_in(flow({"start": [say("Hi.")]}), dial_plan=DialPlan({"+49*": "test"}), refusal="Not in service.")
        call = self.ring()
        self.passes(9)
        self.assertEqual(call.said, ["Not in service."])
        self.assert_ended(call, Ending.REFUSED)

    def test_refused_once(self) -> None:
        """A call that was refused stays refused, and is written down once, however often Twilio asks."""
        self.lives_in(flow({"start": [Pause(5)]}), most_calls=1)
        self.ring()
        call = self.ring()
        for path in ("incoming", "after"):
            answer = self.carrier.post(f"/call/{path}", {**call.form(), "CallStatus": "in-progress"})
            self.passes(0)
            self.assertIn("<Hangup", self.successResultOf(answer).text)
        self.passes(9)
        self.assert_ended(call, Ending.OVERLOADED)

    def test_too_many(self) -> None:
        """Above `limits.calls` a caller hears that we are busy; those inside do not notice, and later ones get in."""
        self.lives_in(flow({"start": [Pause(5), say("Hi.")]}), most_calls=1, busy="Busy.")
        first, second = self.ring(), self.ring()
        self.passes(9)
        self.assertEqual((first.said, second.said), ([], ["Busy."]))
        self.assert_ended(second, Ending.OVERLOADED)
        self.assert_heard(first, "Hi.")
        third = self.ring()
        self.passes(9)
        self.assert_heard(third, "Hi.")

    def test_fallback_unknown(self) -> None:
        """A call that we never heard of and that reaches the fallback URL gets an apology."""
        self.lives_in(flow({"start": [say("Hi.")]}), apology="Sorry.")
        self.carrier.number(NUMBER, "/nothing/here", fallback_url="/call/fallback")
        call = self.ring()
        self.passes(9)
        self.assertEqual(call.said, ["Sorry."])

    def test_fallback_human(self) -> None:
        """Where a human is configured, the carrier dials that number; a SIP address will do."""
        for human in ("+14155550199", "sip:desk@example.com"):
            self.lives_in(flow({"start": [say("Hi.")]}), human=human)
            self.carrier.number(NUMBER, "/nothing/here", fallback_url="/call/fallback", status_url="/call/status")
            call = self.ring()
            self.passes(9)
            self.assertEqual([dial.numbers for dial in call.dialed], [(human,)])
            self.assertEqual(self.guard.asked[-1], ("leg", (human, True)))
            call.hang_up()
            self.passes(6)
            self.assertEqual(self.guard.held, [])

    def test_fallback_refused(self) -> None:
        """A caller whom a rule refuses is told the rule's sentence there, too; a daemon that stops dials nobody."""
        self.lives_in(flow({"start": [say("Hi.")]}), human="+14155550199")
        self.guard.refusals["ring"] = Refused("deny", "on the list", say="Please write to us.")
        form = {**FORM, "CallStatus": "in-progress", "ErrorCode": "11200"}
        for sid, said in ((ONE, "Please write to us."), (TWO, "We are sorry")):
            answer = self.carrier.post("/call/fallback", {**form, "CallSid": sid})
            self.passes(0)
            self.assertIn(f"<Say>{said}", self.successResultOf(answer).body.decode())
            self.guard.refusals.clear()
            self.daemon.drain()

    def test_fallback_over(self) -> None:
        """A call that we have refused already is not put through by another door."""
        self.lives_in(flow({"start": [say("Hi.")]}), human="+14155550199")
        self.guard.refusals["ring"] = Refused("deny", "on the list")
        for path, said in (("/call/incoming", "<Say>"), ("/call/fallback", "<Response><Hangup")):
            answer = self.carrier.post(path, {**FORM, "CallStatus": "in-progress"})
            self.passes(0)
            self.assertIn(said, self.successResultOf(answer).body.decode())

    def test_fallback_known(self) -> None:
        """A call that we know goes on."""
        self.lives_in(flow({"start": [say("Hi."), Pause(2), say("Bye.")]}))
        call = self.ring()
        self.passes(1)
        answer = self.carrier.post("/call/fallback", {**call.form(), "ErrorCode": "11200", "ErrorUrl": "https://x/"})
        self.passes(0)
        self.assertIn("<Stream", self.successResultOf(answer).text)

    def test_after_of_a_stranger(self) -> None:
        """A live call of a daemon that is no more starts anew, once; one that has ended is told to hang up."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        live = {**FORM, "CallStatus": "in-progress"}
        answers = [self.carrier.post("/call/after", form) for form in (live, live, live, {**FORM, "CallSid": TWO} |
                   {"CallStatus": "completed"})]  # fmt: skip
        self.passes(0)
        texts = [self.successResultOf(answer).text for answer in answers]
        self.assertEqual(["<Stream" in text for text in texts], [True, False, False, False])
        self.assertEqual(["<Say>" in text for text in texts], [False, True, False, False])

    def test_after_of_a_stranger_without_flow(self) -> None:
        """... unless no flow answers its number."""
        self.lives_in(flow({"start": [say("Hi.")]}), dial_plan=DialPlan({"+49*": "test"}), refusal="No.")
        answer = self.carrier.post("/call/after", {**FORM, "CallStatus": "in-progress"})
        self.passes(0)
        self.assertIn("<Say>No.</Say>", self.successResultOf(answer).text)


class ForgedTests(House):
    """Requests that are not the carrier's."""

    def setUp(self) -> None:
        """A house with a sentence in it."""
        super().setUp()
        self.lives_in(flow({"start": [say("A sentence that takes a while.")]}))

    def post(self, path: str, form: dict[str, str], signature: str | None = None) -> int:
        """The status of the answer."""
        answer = self.carrier.post(path, form, signature=signature)
        self.passes(0)
        return self.successResultOf(answer).status

    def test_signature(self) -> None:
        """A wrong or missing signature, or a stranger's account: 403 everywhere, nothing started, nothing voiced."""
        paths = ("/call/incoming", "/call/after", "/call/fallback", "/call/status", "/call/stream-status")
        for path in (*paths, "/outbound-call-twiml", "/call/answered-by"):
            self.assertEqual(self.post(path, FORM, signature="bm90IG1pbmU="), 403)
            self.assertEqual(self.post(path, FORM, signature=""), 403)
            self.assertEqual(self.post(path, {**FORM, "AccountSid": "AC" + "0" * 32}), 403)
        self.assertEqual((len(self.daemon.switchboard), self.voice.syntheses, self.journal.lines), (0, 0, []))
        self.assertEqual(self.daemon.routes.refused["unsigned"], 21)

    def test_no_call(self) -> None:
        """A signed form that names no call is a bad request."""
        self.assertEqual(self.post("/call/incoming", {"AccountSid": ACCOUNT_SID}), 400)

    def test_status_of_strangers(self) -> None:
        """A callback about a call that is not ours changes nothing."""
        self.assertEqual(self.post("/call/status", {**FORM, "CallStatus": "completed"}), 204)
        self.assertEqual(self.post("/call/status", FORM), 204)
        self.assertEqual(self.post("/call/stream-status", {**FORM, "StreamEvent": "stream-error"}), 204)

    def test_no_text(self) -> None:
        """A path that is no text gets 400, a host that is no name is not looked at; no traceback in the log."""
        for path, host, code in (
            ("/%ff", "x", 400),
            ("/call/connection/%ff", "x", 400),
            ("/", "h\xf6st", 200),
            ("/", "x" * 70, 200),
            ("/", ".x..y", 200),
        ):
            answer = self.network.http().get(f"http://daemon{path}", headers={"Host": host.encode("latin-1")})
            self.passes(0)
            self.assertEqual(self.successResultOf(answer).code, code, (path, host))

    def test_too_large(self) -> None:
        """A form over 64 KiB: 413."""
        self.assertEqual(self.post("/call/incoming", {**FORM, "Huge": "x" * 70_000}), 413)

    def test_handshake(self) -> None:
        """A media socket needs a call that is expected, and the carrier's signature."""
        call = self.ring()
        path = f"/call/connection/{call.sid}"
        codes = [self.opened(path, signature="bm90IG1pbmU="), self.opened("/call/connection/CAother")]
        self.assertIn("403", codes[0])
        self.assertIn("404", codes[1])
        self.assertIn("403", self.opened("/call/connection/CAother", signature="bm90IG1pbmU="))

    def test_second_stream(self) -> None:
        """A second stream for a live call is refused, and the first one goes on."""
        call = self.ring()
        self.assertIn("409", self.opened(f"/call/connection/{call.sid}"))
        self.passes(5)
        self.assert_heard(call, "A sentence that takes a while.")

    def opened(self, path: str, **how: str) -> str:
        """Why a handshake was refused."""
        stream = self.carrier.open_stream(path, **how)
        ended = stream.when_ended()
        self.passes(1)
        self.assertFalse(self.successResultOf(ended).opened)
        return stream.end.reason


class TicketTests(House):
    """The ticket of a stream."""

    def setUp(self) -> None:
        """Two calls that were announced; no stream has come."""
        super().setUp()
        self.lives_in(flow({"start": [say("Hi.")]}))
        for sid in (ONE, TWO):
            self.carrier.post("/call/incoming", {**FORM, "CallSid": sid})
        self.passes(0)
        self.board = self.daemon.switchboard
        self.ticket = self.board.ticket(ONE)

    def close_code(self, call_sid: str, **parameters: str) -> int:
        """What a stream with these parameters is closed with."""
        stream = self.carrier.open_stream(f"/call/connection/{ONE}", call_sid, parameters)
        ended = stream.when_ended()
        self.passes(1)
        return self.successResultOf(ended).code if ended.called else 0

    def test_bad(self) -> None:
        """Missing, wrong, or for another call: closed 1008 and counted, and the status page says so."""
        self.assertEqual(self.close_code(ONE), 1008)
        self.assertEqual(self.close_code(ONE, ticket="wrong"), 1008)
        self.assertEqual(self.close_code(ONE, ticket=self.board.ticket(TWO)), 1008)
        self.assertEqual(self.close_code(TWO, ticket=self.ticket), 1008)
        counted = {"missing": 1, "wrong": 1, "for another call": 1}
        asked = self.asks("GET", "/")
        self.passes(0)
        _, page = self.successResultOf(asked)
        self.assertEqual(page["bad_tickets"], counted)

    def test_used(self) -> None:
        """A ticket opens one stream."""
        self.assertEqual(self.close_code(ONE, ticket=self.ticket), 1000)
        self.carrier.post("/call/incoming", FORM)
        self.failureResultOf(self.board.claim(self.ticket, ONE))
        self.assertEqual(self.board.bad_tickets["used"], 1)

    def test_late(self) -> None:
        """A ticket is good for 30 s."""
        self.passes(31)
        self.failureResultOf(self.board.claim(self.ticket, ONE))
        self.assertEqual(self.board.bad_tickets["late"], 1)

    def test_race(self) -> None:
        """Two sockets with one ticket: one of them gets the call, the other 1008."""
        streams = [self.carrier.open_stream(f"/call/connection/{ONE}", ONE, {"ticket": self.ticket}) for _ in "ab"]
        ended = [stream.when_ended() for stream in streams]
        self.passes(3)
        self.assertEqual(sorted(self.successResultOf(end).code for end in ended), [1000, 1008])

    def get(self, path: str) -> object:
        """The body of a page."""
        body = self.network.http().get(f"http://daemon{path}").addCallback(lambda response: response.text())
        self.passes(0)
        return body


def media(**fields: object) -> str:
    """A media message; the stream SID is the call's unless given."""
    body = {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": base64.b64encode(b"\xff" * 160).decode()}
    return json.dumps({"event": "media", "sequenceNumber": "2", "streamSid": "MZ1", "media": body} | fields)


def start(sid: str, ticket: str, stream: str = "MZ1") -> str:
    """A start message."""
    form = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
    body = {
        "streamSid": stream,
        "callSid": sid,
        "accountSid": ACCOUNT_SID,
        "mediaFormat": form,
        "tracks": ["inbound"],
    }
    body["customParameters"] = {"ticket": ticket}
    return json.dumps({"event": "start", "sequenceNumber": "1", "streamSid": stream, "start": body})


class WireTests(House):
    """What a broken wire gets; other calls do not notice."""

    def setUp(self) -> None:
        """A call that is announced, a socket for it that sends what we want, and another call beside it."""
        super().setUp()
        self.lives_in(flow({"start": [Pause(5), say("Hi.")]}))
        self.other = self.ring()
        self.carrier.post("/call/incoming", FORM)
        self.passes(0)
        self.stream = self.carrier.open_stream(f"/call/connection/{ONE}", ONE, silent=True)
        self.ended = self.stream.when_ended()
        self.passes(0)
        self.ticket = self.daemon.switchboard.ticket(ONE)

    def begun(self, *messages: str | bytes, binary: bool = False) -> int:
        """Start the stream, send these, and see with what code it is closed."""
        self.stream.send_raw(start(ONE, self.ticket))
        return self.sent(*messages, binary=binary)

    def sent(self, *messages: str | bytes, binary: bool = False) -> int:
        """Send these; the code with which it is closed, 0 when it is not."""
        for message in messages:
            self.stream.send_raw(message, binary=binary)
        self.passes(1)
        return self.successResultOf(self.ended).code if self.ended.called else 0

    def tearDown(self) -> None:
        """The other call is as it was."""
        self.passes(8)
        self.assert_heard(self.other, "Hi.")
        self.assert_ended(self.other, Ending.COMPLETED)
        super().tearDown()

    def reason(self) -> str:
        """What the journal says of it."""
        self.passes(20)
        return str(self.journal.lines[-1]["faults"]) + str(self.journal.lines[-1]["ending"])

    def test_not_json(self) -> None:
        """1007, and the journal says why."""
        self.assertEqual(self.begun("nonsense"), 1007)
        self.assertIn("1007 a message that is not JSON", self.reason())

    def test_ending(self) -> None:
        """A stream that broke the rules, after which nobody asks, ends as a protocol error, and by the API."""
        self.begun("nonsense")
        self.assertIn("protocol_error", self.reason())
        self.assertEqual(self.carrier.rest_requests[0].path.rpartition("/")[2], f"{ONE}.json")

    def test_bad_base64(self) -> None:
        """1007."""
        self.assertEqual(self.begun(media(media={"payload": "%%%"})), 1007)

    def test_binary(self) -> None:
        """1007."""
        self.assertEqual(self.begun(b"\x00\x01", binary=True), 1007)

    def test_too_big(self) -> None:
        """Over 64 KiB: 1009."""
        self.assertEqual(self.begun("x" * 70_000), 1009)
        self.assertIn("1009", self.reason())

    def test_media_first(self) -> None:
        """`media` before `start`: 1008."""
        self.assertEqual(self.sent(media()), 1008)

    def test_many_sockets(self) -> None:
        """Sockets for one call that do not begin are few; when they are gone, others may come."""
        more = [self.carrier.open_stream(f"/call/connection/{ONE}", ONE, silent=True) for _ in range(6)]
        self.passes(1)
        self.assertEqual([stream.live for stream in more], [True] * 3 + [False] * 3)
        self.assertIn("429", more[-1].end.reason)
        for stream in more:
            stream.drop()
        self.passes(1)
        self.assertEqual(self.begun(), 0)

    def test_reason_before_start(self) -> None:
        """The journal says what was wrong with a stream that never began, too."""
        self.sent("nonsense")
        self.passes(40)
        self.assertIn("1007 a message that is not JSON", self.reason())

    def test_gone_while_claiming(self) -> None:
        """A socket that dies while its ticket is looked up does not begin the call."""
        found: Deferred[object] = Deferred()
        session = self.daemon.switchboard.find(ONE)
        self.daemon.switchboard.claim = lambda name, sid: found
        self.begun()
        self.stream.drop()
        self.passes(0)
        self.assertTrue(found.called)
        self.assertFalse(session.streaming)

    def test_claim_breaks(self) -> None:
        """A ticket that cannot be looked up is a fault of ours: 1011."""
        self.daemon.switchboard.claim = lambda name, sid: fail(ZeroDivisionError("the store"))
        self.assertEqual(self.begun(), 1011)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_second_start(self) -> None:
        """1008."""
        self.assertEqual(self.begun(start(ONE, self.ticket)), 1008)

    def test_other_stream(self) -> None:
        """Another streamSid: 1008."""
        self.assertEqual(self.begun(media(streamSid="MZ2")), 1008)

    def test_other_call(self) -> None:
        """`start` of another call than the path's: 1008."""
        self.assertEqual(self.sent(start(self.other.sid, self.ticket)), 1008)

    def test_no_start(self) -> None:
        """A socket on which `start` does not come is closed after 10 s, 1008."""
        self.assertEqual(self.sent(), 0)
        self.passes(3)
        self.assertEqual(self.sent(), 0)
        self.passes(7)
        self.assertEqual(self.sent(), 1008)

    def test_our_fault(self) -> None:
        """A fault of ours: 1011, logged with its traceback."""
        session = self.daemon.switchboard.find(ONE)
        session.key_pressed = None
        dtmf = {"event": "dtmf", "streamSid": "MZ1", "dtmf": {"track": "inbound_track", "digit": "1"}}
        self.assertEqual(self.begun(json.dumps(dtmf)), 1011)
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_tolerated(self) -> None:
        """Unknown events are ignored; gaps are counted and never punished."""
        gap = {"track": "inbound", "chunk": "9", "timestamp": "900", "payload": "//8="}
        self.assertEqual(self.begun('{"event": "news"}', media(), media(media=gap, sequenceNumber="77")), 0)
        missing = self.daemon.switchboard.find(ONE).record.missing
        self.assertEqual((missing.frames, missing.messages, missing.seconds), (7, 74, 0.875))

    def test_two_protocol_layers(self) -> None:
        """What Autobahn itself refuses (text that is not UTF-8) is a fault of the stream, too."""
        self.assertEqual(self.begun(b"\xff\xfe"), 1007)


class AccountTests(House):
    """Several Twilio accounts behind one daemon."""

    def test_each_its_own(self) -> None:
        """The account of a request selects its token, its API and its name in the record."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        other = Carrier(self.clock, daemon=self.network.endpoint("daemon"), public_url=PUBLIC_URL,
                        account_sid="AC" + "7" * 32, auth_token="another token")  # fmt: skip
        other.number(NUMBER, "/call/incoming", status_url="/call/status")
        accounts = [Account("main", ACCOUNT_SID, (Secret(AUTH_TOKEN),)),
                    Account("second", "AC" + "7" * 32, (Secret("another token"),))]  # fmt: skip
        self.daemon.routes._accounts = Accounts(accounts)
        call = other.ring(NUMBER)
        self.passes(3)
        self.assert_heard(call, "Hi.")
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["account"], "second")

    def test_not_for_each_other(self) -> None:
        """One account's token does not sign for another."""
        self.lives_in(flow({"start": [say("Hi.")]}))
        account = Account("main", ACCOUNT_SID, (Secret("quite another token"),))
        self.daemon.routes._accounts = Accounts([account])
        answer = self.carrier.post("/call/incoming", FORM)
        self.passes(0)
        self.assertEqual(self.successResultOf(answer).status, 403)

    def test_calls_of_each_other(self) -> None:
        """One account cannot end another's call, nor take its stream."""
        self.lives_in(flow({"start": [Pause(5), say("Hi.")]}))
        other = Account("other", "AC" + "7" * 32, (Secret("another token"),))
        self.daemon.routes._accounts = Accounts([*self.daemon.routes._accounts.by_name.values(), other])
        stranger = Carrier(self.clock, daemon=self.network.endpoint("daemon"), public_url=PUBLIC_URL,
                           account_sid=other.sid, auth_token="another token")  # fmt: skip
        call = self.ring()
        for path in ("incoming", "after", "fallback", "status"):
            form = {**call.form(), "AccountSid": other.sid, "CallStatus": "completed"}
            answer = stranger.post(f"/call/{path}", form)
            self.passes(0)
            self.assertEqual(self.successResultOf(answer).status, 403)
        self.passes(9)
        self.assert_heard(call, "Hi.")

    def test_insecure(self) -> None:
        """With `insecure` nothing is signed, and all else is as ever."""
        self.lives_in(flow({"start": [say("Hi.")]}), insecure=True)
        answer = self.carrier.post("/call/incoming", FORM, signature="")
        self.passes(0)
        self.assertEqual(self.successResultOf(answer).status, 200)

"""The carrier's road of a call: webhooks, verbs, streams, endings, callbacks, and how they go wrong."""

from twilio.request_validator import RequestValidator

from tests.test_simulator_daemon import HANGUP, NEVER, NUMBER, PUBLIC, STREAM, DoubleTestCase
from voiced.simulator.carrier import AUTH_TOKEN, Callbacks, Ended
from voiced.simulator.webhook import WebhookFailed

VALIDATOR = RequestValidator(AUTH_TOKEN)


class RingTests(DoubleTestCase):
    """From the ring to the first document."""

    def test_form(self):
        """The webhook's form says who calls whom."""
        call = self.ring(HANGUP, from_="+14155550177", ForwardedFrom="+14155550188")
        form = self.double.asked("/incoming")[0]
        self.assertEqual((form["CallSid"], form["From"], form["To"]), (call.sid, "+14155550177", NUMBER))
        self.assertEqual((form["CallStatus"], form["Direction"]), ("ringing", "inbound"))
        self.assertEqual(form["ForwardedFrom"], "+14155550188")

    def test_signature(self):
        """It is signed for the public URL, without the fragment."""
        self.carrier.number(NUMBER, f"{PUBLIC}/incoming?x=1#rc=2")
        self.ring(HANGUP)
        form = self.double.asked("/incoming")[0]
        del form["x"]
        self.assertEqual(self.double.signatures[0], VALIDATOR.compute_signature(f"{PUBLIC}/incoming?x=1", form))

    def test_nobodys_number(self):
        """Ringing a number that was never set up says so."""
        with self.assertRaises(KeyError):
            self.carrier.ring("+14155550999")

    def test_same_seed(self):
        """SIDs come from the seed."""
        self.assertEqual(self.ring(HANGUP).sid, self.make_carrier().account.new_sid("CA"))

    def test_other_account(self):
        """Several carriers are several accounts; the form says which."""
        other = self.make_carrier(account_sid="AC" + "7" * 32)
        other.number(NUMBER, "/incoming")
        other.ring(NUMBER)
        self.elapse(0)
        self.assertEqual(self.double.asked("/incoming")[0]["AccountSid"], "AC" + "7" * 32)

    def test_hang_up_while_ringing(self):
        """A caller who leaves before the answer: canceled, and the answer is not obeyed."""
        call = self.ring(NEVER)
        call.hang_up()
        self.elapse(30)
        self.assertEqual((call.status, call.twiml), ("canceled", []))
        self.assertEqual(self.double.asked("/status")[0]["CallStatus"], "canceled")


class RetryTests(DoubleTestCase):
    """Webhooks that fail, as their URL's fragment wants it."""

    def voice_url(self, fragment):
        self.carrier.number(NUMBER, f"/incoming#{fragment}", fallback_url="/fallback")

    def tries(self):
        return len(self.double.asked("/incoming"))

    def test_refused_once(self):
        """By default a refused connection is tried once more."""
        self.carrier.refuse_webhooks(1)
        call = self.ring(HANGUP)
        self.assertEqual((self.successResultOf(call.ended), call.warnings), (Ended.HANGUP, []))

    def test_refused_twice(self):
        """Then the fallback is asked, and told why."""
        self.carrier.refuse_webhooks(2)
        self.double.answers["/fallback"] = [HANGUP]
        call = self.ring()
        form = self.double.asked("/fallback")[0]
        self.assertEqual((form["ErrorCode"], form["ErrorUrl"]), ("11205", f"{PUBLIC}/incoming"))
        self.assertEqual((self.successResultOf(call.ended), self.codes(call)), (Ended.HANGUP, [11205]))

    def test_port_closed(self):
        """A port that nobody listens on is a refused connection."""
        self.port.stopListening()
        call = self.ring()
        self.assertEqual((self.successResultOf(call.ended), self.codes(call)), (Ended.ERROR, [11205, 11205, 15003]))

    def test_5xx_is_not_retried(self):
        """By default an error status goes to the fallback at once."""
        self.double.answers["/fallback"] = [HANGUP]
        self.ring((500, ""))
        self.assertEqual((self.tries(), self.double.asked("/fallback")[0]["ErrorCode"]), (1, "11200"))

    def test_5xx_retried_when_asked(self):
        """With rp=5xx it is tried again, under the same idempotency token."""
        self.voice_url("rc=3&rp=5xx")
        call = self.ring((500, ""), (503, ""), HANGUP)
        self.assertEqual((self.tries(), self.successResultOf(call.ended)), (3, Ended.HANGUP))
        self.assertEqual(len(set(self.double.tokens[:3])), 1)

    def test_4xx_under_all(self):
        """rp=all covers everything; when the count is used up the fallback follows."""
        self.voice_url("rc=2&rp=all")
        self.ring((403, ""))
        self.assertEqual((self.tries(), len(self.double.asked("/fallback"))), (3, 1))

    def test_read_timeout(self):
        """An answer that takes longer than rt counts as none."""
        self.voice_url("ct=100&rt=2000&rc=1&rp=rt")
        self.double.answers["/fallback"] = [HANGUP]
        call = self.ring(NEVER, HANGUP)
        self.elapse(1.9)
        self.assertEqual(self.tries(), 1)
        self.elapse(0.2)
        self.assertEqual((self.tries(), self.successResultOf(call.ended)), (2, Ended.HANGUP))

    def test_total_time(self):
        """All tries together take tt at most."""
        self.voice_url("rt=4000&tt=5000&rc=5&rp=all")
        call = self.ring(NEVER)
        self.elapse(20)
        self.assertEqual((self.tries(), self.successResultOf(call.ended)), (2, Ended.ERROR))

    def test_connect_timeout(self):
        """A port behind a silent firewall is given up after ct."""
        self.voice_url("ct=1000&rc=0")
        self.network.swallow("daemon")
        call = self.ring()
        self.elapse(1.1)
        self.assertEqual(self.codes(call), [11205])

    def test_answer_lost(self):
        """An answer lost on its way means that the daemon is asked again with the same token."""
        self.voice_url("rp=rt")
        self.carrier.lose_answers(1)
        call = self.ring(HANGUP)
        self.assertEqual((self.tries(), len(set(self.double.tokens[:2]))), (2, 1))
        self.assertEqual(self.successResultOf(call.ended), Ended.HANGUP)

    def test_nothing_helps(self):
        """Without a working fallback the caller hears of an application error."""
        call = self.ring((500, ""))
        self.assertEqual(self.successResultOf(call.ended), Ended.ERROR)
        self.assertIn("application error", call.said[0])
        self.assertEqual(self.codes(call), [11200, 11200])

    def test_bad_document(self):
        """A document that is no XML counts as a failure."""
        self.double.answers["/fallback"] = [HANGUP]
        call = self.ring("<Say>half")
        self.assertEqual(self.double.asked("/fallback")[0]["ErrorCode"], "12100")
        self.assertEqual(self.codes(call), [12100])

    def test_foreign_url(self):
        """A URL that is not under the public URL leads nowhere."""
        call = self.ring("<Redirect>https://elsewhere.example.com/x</Redirect>")
        self.assertEqual(self.codes(call)[0], 11210)


class VerbTests(DoubleTestCase):
    """Documents, verb by verb."""

    def test_say(self):
        """Speaking takes its time: fifteen characters a second."""
        call = self.ring(f"<Say>{'a' * 30}</Say>")
        self.elapse(1.9)
        self.assertEqual((call.status, call.said), ("in-progress", ["a" * 30]))
        self.elapse(0.2)
        self.assertEqual(self.successResultOf(call.ended), Ended.DOCUMENT)
        self.assertEqual(len(call.heard), 16000)

    def test_pause_first(self):
        """A first <Pause> delays the answer."""
        call = self.ring('<Pause length="3"/><Say>hello</Say>')
        self.elapse(2.9)
        self.assertEqual(call.status, "ringing")
        self.elapse(0.2)
        self.assertEqual(call.status, "in-progress")

    def test_play(self):
        """A file from the daemon is heard."""
        self.double.answers["/greeting"] = [(200, "a" * 800)]
        call = self.ring("<Play>/greeting</Play>")
        self.elapse(0.2)
        self.assertEqual((call.heard, call.played), (b"a" * 800, [f"{PUBLIC}/greeting"]))

    def test_play_digits(self):
        """Keys are pressed by the carrier, which takes a fifth of a second each; waits take theirs."""
        call = self.ring('<Play digits="1w2W"/>')
        self.elapse(1.8)
        self.assertFalse(call.over)
        self.elapse(0.2)
        self.assertEqual((call.tones, call.played, call.over), ("1w2W", [], True))

    def test_reject(self):
        """A rejected call was never answered."""
        call = self.ring('<Reject reason="busy"/>')
        self.assertEqual((self.successResultOf(call.ended), call.status), (Ended.BUSY, "busy"))
        self.assertIsNone(call.answered_at)

    def test_redirect(self):
        """A redirect leaves the document for good, and is relative to it."""
        self.double.answers["/other"] = [HANGUP]
        call = self.ring("<Redirect>other</Redirect><Say>never</Say>")
        self.assertEqual((len(self.double.asked("/other")), call.said), (1, []))

    def test_redirect_with_get(self):
        """A GET carries the form in its URL, and signs that."""
        self.double.answers["/other"] = [HANGUP]
        call = self.ring('<Redirect method="GET">/other</Redirect>')
        self.assertEqual(self.double.asked("/other")[0]["CallSid"], call.sid)

    def test_empty_document(self):
        """An empty document ends the call."""
        self.assertEqual(self.successResultOf(self.ring("").ended), Ended.DOCUMENT)


class AfterCloseTests(DoubleTestCase):
    """What follows a stream that is over."""

    def test_action(self):
        """The daemon closes: the action is asked, with the call in progress."""
        call = self.ring()
        self.socket().sendClose(1000)
        self.elapse(0.1)
        self.assertEqual(self.double.asked("/after")[0]["CallStatus"], "in-progress")
        self.assertEqual([(alert.code, alert.level) for alert in call.warnings], [(31921, "info")])

    def test_next(self):
        """With the other reading of Twilio's pages the action is not asked; the next verb runs."""
        self.carrier.after_close = "next"
        call = self.ring(STREAM + "<Say>hello</Say>")
        self.socket().sendClose(1000)
        self.elapse(0.1)
        self.assertEqual((self.double.asked("/after"), call.said), ([], ["hello"]))

    def test_no_action(self):
        """Without an action the next verb runs."""
        call = self.ring('<Connect><Stream url="/stream/1"/></Connect><Say>hello</Say>')
        self.socket().sendClose(1000)
        self.elapse(0.1)
        self.assertEqual(call.said, ["hello"])

    def test_drop_and_new_stream(self):
        """A stream that breaks is followed by a new one of another SID; the recording goes on."""
        self.double.answers["/after"] = [STREAM]
        call = self.ring()
        self.elapse(0.1)
        self.carrier.drop_stream(call)
        self.elapse(0.1)
        self.socket().media(b"a" * 800)
        self.elapse(0.2)
        self.assertEqual(len({stream.sid for stream in call.streams}), 2)
        self.assertEqual((self.codes(call), self.double.sockets[0].lost), ([31903], 1006))
        self.assertEqual(call.heard, b"\xff" * 1600 + b"a" * 800 + b"\xff" * 800)

    def test_daemon_gone(self):
        """If the daemon cannot be reached any more either, that is an application error."""
        call = self.ring()
        self.port.stopListening()
        self.network.forget("daemon")
        self.carrier.drop_stream(call)
        self.elapse(1)
        self.assertEqual(self.successResultOf(call.ended), Ended.ERROR)

    def test_hang_up(self):
        """The caller hangs up: stop, the socket closes, no action."""
        call = self.ring()
        self.elapse(0.1)
        call.hang_up()
        self.elapse(0.1)
        stop = self.socket().events("stop")[0]
        self.assertEqual(stop["stop"], {"accountSid": call.account.sid, "callSid": call.sid})
        self.assertEqual((self.socket().lost, self.double.asked("/after")), (1000, []))

    def test_since_caller(self):
        """The sheet says how long the caller has waited for what happens."""
        call = self.ring()
        call.speak(b"a" * 8000)
        self.elapse(1.5)
        self.socket().media(b"b" * 160)
        self.elapse(0)
        entry = next(entry for entry in call.sheet if entry.what == "audio")
        self.assertEqual((entry.time, entry.since_caller_ms), (1.5, 500))


class CallbackTests(DoubleTestCase):
    """Callbacks on time, late, twice, in the wrong order."""

    def setUp(self):
        super().setUp()
        self.double.answers["/events"] = [(204, "")]
        self.stream = STREAM.replace(
            'url="/stream/1"', 'url="/stream/1" statusCallback="https://voiced.example.com/events"'
        )

    def whole_call(self, **how):
        self.carrier.callbacks = Callbacks(**how)
        call = self.ring(self.stream)
        self.elapse(2.4)
        call.hang_up()
        self.elapse(0.1)
        return call

    def arrived(self):
        """What came, in the order of its coming."""
        forms = [form for path, form in self.double.forms if path in ("/events", "/status")]
        return [form.get("StreamEvent") or form["CallStatus"] for form in forms]

    def test_in_order(self):
        """Stream started, stream stopped, call completed."""
        call = self.whole_call()
        self.assertEqual(self.arrived(), ["stream-started", "stream-stopped", "completed"])
        status, event = self.double.asked("/status")[0], self.double.asked("/events")[0]
        self.assertEqual((status["CallDuration"], status["SequenceNumber"]), ("2", "0"))
        self.assertEqual(status["Timestamp"], "Thu, 01 Jan 1970 00:00:02 +0000")
        self.assertEqual(status["CallbackSource"], "call-progress-events")
        self.assertEqual((event["StreamSid"], event["CallSid"]), (call.streams[0].sid, call.sid))

    def test_late(self):
        """They come so many seconds late."""
        self.whole_call(late=5)
        self.assertEqual(self.arrived(), [])
        self.elapse(10)
        self.assertEqual(self.arrived(), ["stream-started", "stream-stopped", "completed"])

    def test_doubled(self):
        """Each comes twice, under one idempotency token."""
        self.whole_call(doubled=True)
        self.assertEqual(self.arrived()[-2:], ["completed", "completed"])
        self.assertEqual(self.double.tokens[-1], self.double.tokens[-2])

    def test_disordered(self):
        """The second of two comes first."""
        self.whole_call(disordered=True)
        self.elapse(2)
        self.assertEqual(self.arrived(), ["stream-started", "completed", "stream-stopped"])

    def test_lost(self):
        """Those that are named never come, or none does; the sheet says so."""
        call = self.whole_call(lost={"stream-stopped"})
        self.assertEqual(self.arrived(), ["stream-started", "completed"])
        self.assertIn("stream-stopped (lost)", [entry.detail for entry in call.sheet])
        self.whole_call(lost={"all"})
        self.assertEqual(len(self.arrived()), 2)

    def test_bad_answer(self):
        """A callback that is not answered with an empty 2xx is a warning."""
        self.double.answers["/status"] = [(200, "thanks")]
        call = self.ring(HANGUP)
        self.assertEqual(self.codes(call), [15003])

    def test_stream_error(self):
        """A refused handshake is reported, and the action asked all the same."""
        call = self.ring(self.stream.replace("/stream/1", "/nowhere"))
        self.elapse(0.1)
        self.assertEqual((self.arrived()[0], self.codes(call)), ("stream-error", [31920]))
        self.assertEqual(self.successResultOf(call.ended), Ended.HANGUP)


class PostTests(DoubleTestCase):
    """Forged webhooks."""

    def test_signed(self):
        """By default a form is signed rightly."""
        answer = self.carrier.post("/status", {"CallSid": "CA1"})
        self.elapse(0)
        self.assertEqual(self.successResultOf(answer).status, 204)
        expected = VALIDATOR.compute_signature(f"{PUBLIC}/status", {"CallSid": "CA1"})
        self.assertEqual(self.double.signatures, [expected])

    def test_forged(self):
        """It can also be signed wrongly, or not at all."""
        self.carrier.post("/status", {}, signature="wrong")
        self.carrier.post("/status", {}, signature="")
        self.elapse(0)
        self.assertEqual(self.double.signatures, ["wrong", None])

    def test_unreachable(self):
        """If nothing is answered the Deferred fails."""
        self.network.refuse("daemon")
        answer = self.carrier.post("/status", {})
        self.elapse(0)
        self.failureResultOf(answer, WebhookFailed)

"""Calls that are asked for through the API: who answers, who does not, what is called back, what goes wrong."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_simulator_daemon import HANGUP, NUMBER, PUBLIC, STREAM
from tests.test_simulator_rest import RestTestCase
from voiced.simulator.carrier import Callbacks, Ended

PERSON = "+14155550177"
ALL = ["initiated", "ringing", "answered", "completed"]


class OutboundTestCase(RestTestCase):
    """A daemon whose document for such calls is at `/placed`."""

    def setUp(self):
        super().setUp()
        self.double.answers |= {"/placed": [STREAM + HANGUP], "/machine": [(204, "")]}

    def place(self, **order):
        """Ask for a call; gives it."""
        default = {
            "To": PERSON,
            "From": NUMBER,
            "Url": f"{PUBLIC}/placed?call=r1",
            "StatusCallback": f"{PUBLIC}/status?call=r1",
            "StatusCallbackEvent": ALL,
        }
        status, found = self.create(**{**default, **order})
        self.assertEqual(status, 201, found)
        return self.carrier.calls[found["sid"]]

    def told(self):
        """What the status callbacks have said."""
        return [form["CallStatus"] for form in self.double.asked("/status")]


class AnsweredTests(OutboundTestCase):
    """Somebody answers."""

    def test_default(self):
        """At every number there is somebody who answers after two seconds; then the document is asked for."""
        call = self.place()
        self.elapse(1.9)
        self.assertEqual((call.status, self.double.asked("/placed")), ("ringing", []))
        self.elapse(0.2)
        (form,) = self.double.asked("/placed")
        self.assertEqual((form["From"], form["To"], form["Direction"]), (NUMBER, PERSON, "outbound-api"))
        self.assertEqual((form["CallSid"], form["CallStatus"], form["call"]), (call.sid, "in-progress", "r1"))

    def test_the_line(self):
        """The person is at the end of a stream, hears, speaks and presses keys."""
        call = self.place()
        self.elapse(2.1)
        self.socket().media(b"\x10" * 800)
        call.press("5")
        call.speak(b"a" * 160)
        self.elapse(0.2)
        self.assertEqual((call.heard.count(0x10), call.spoken.count(b"a")), (800, 160))
        self.assertEqual(len(self.socket().events("dtmf")), 1)

    def test_callbacks(self):
        """Each stage is told, in order, with what Twilio adds at the end."""
        call = self.place()
        self.elapse(5)
        call.hang_up()
        self.elapse(0)
        self.assertEqual(self.told(), ["initiated", "ringing", "in-progress", "completed"])
        first, *_, last = self.double.asked("/status")
        self.assertEqual((last["CallDuration"], last["Duration"], last["SipResponseCode"]), ("3", "1", "200"))
        self.assertEqual((last["SequenceNumber"], last["CallbackSource"]), ("3", "call-progress-events"))
        self.assertEqual((last["Timestamp"], last["call"]), ("Thu, 01 Jan 1970 00:00:05 +0000", "r1"))
        self.assertNotIn("CallDuration", first)

    def test_only_what_was_asked_for(self):
        """Without StatusCallbackEvent only the end is told; without StatusCallback nothing is."""
        for how, told in (({"StatusCallbackEvent": []}, ["completed"]), ({"StatusCallback": ""}, [])):
            self.double.forms.clear()
            call = self.place(**how)
            self.elapse(3)
            call.hang_up()
            self.elapse(0)
            self.assertEqual(self.told(), told)

    def test_badly_delivered(self):
        """The callbacks may be late, doubled, disordered or lost."""
        for manner, told in (
            (Callbacks(doubled=True), ["initiated", "initiated", "ringing", "ringing"]),
            (Callbacks(disordered=True), ["ringing", "initiated"]),
            (Callbacks(lost={"initiated"}), ["ringing"]),
            (Callbacks(late=0.4), ["initiated", "ringing"]),
        ):
            self.double.forms.clear()
            self.carrier.callbacks = manner
            call = self.place()
            self.elapse(0.5)
            self.assertEqual(self.told(), told)
            call.hang_up()
            self.elapse(5)

    def test_time_limit(self):
        """TimeLimit ends it, counted from the answer; the stream hears of it."""
        call = self.place(TimeLimit="30")
        self.elapse(31.9)
        self.assertFalse(call.over)
        self.elapse(0.2)
        self.assertEqual((self.successResultOf(call.ended), call.status), (Ended.TIME_LIMIT, "completed"))
        self.assertEqual(len(self.socket().events("stop")), 1)

    def test_talk(self):
        """Somebody may hang up by themselves; nothing of theirs stays behind when we are faster."""
        self.carrier.person(PERSON, talk=10)
        call = self.place()
        self.elapse(12.1)
        self.assertEqual(self.successResultOf(call.ended), Ended.CALLER)
        call = self.place(TimeLimit="5")
        self.elapse(60)
        self.assertEqual(self.successResultOf(call.ended), Ended.TIME_LIMIT)

    def test_inline(self):
        """The document may come with the request; relative URLs in it lead nowhere."""
        call = self.place(Url="", Twiml="<Response><Say>Hi</Say><Redirect>/more</Redirect></Response>")
        self.elapse(3)
        self.assertEqual((call.said[0], self.codes(call)), ("Hi", [11100]))

    def test_fallback(self):
        """When the document cannot be had the fallback of the order is asked."""
        self.double.answers |= {"/placed": [(500, "")], "/rescue": [HANGUP]}
        call = self.place(FallbackUrl=f"{PUBLIC}/rescue", FallbackMethod="GET")
        self.elapse(3)
        self.assertEqual(self.double.asked("/rescue")[0]["ErrorCode"], "11200")
        self.assertEqual(self.successResultOf(call.ended), Ended.HANGUP)

    def test_send_digits(self):
        """Keys to press on the answer are pressed; they leave no room for detection."""
        call = self.place(SendDigits="ww12#", MachineDetection="Enable", AsyncAmd="true")
        self.elapse(10)
        self.assertEqual((call.tones, call.answered_by, call.warnings), ("ww12#", None, []))

    def test_observers(self):
        """Whoever wants to know is told of a call before anything becomes of it."""
        seen = []
        self.carrier.on_placed = lambda call: seen.append((call.to, call.status))
        waiting = self.carrier.when_placed()
        call = self.place()
        self.assertEqual((seen, self.successResultOf(waiting)), ([(PERSON, "queued")], call))
        self.assertEqual(self.carrier.placed, [call])


class UnansweredTests(OutboundTestCase):
    """Nobody answers."""

    def test_each(self):
        """Every way has its CallStatus, its time, its SIP code and its stages."""
        for does, how, seconds, status, sip, stages in (
            ("busy", {"ring": 1}, 1, "busy", "486", 1),
            ("failed", {"ring": 1}, 1, "failed", "503", 1),
            ("rejects", {"ring": 4}, 4, "busy", "486", 2),
            ("rejects", {"ring": 4, "sip_code": 603}, 4, "busy", "603", 2),
            ("no-answer", {}, 25, "no-answer", "487", 2),
            ("answers", {"ring": 25.1}, 25, "no-answer", "487", 2),
            ("answers", {"ring": 1, "connect": 3, "talk": 0}, 4, "completed", "200", 3),
        ):
            self.double.forms.clear()
            self.carrier.person(PERSON, does, **how)
            call = self.place(Timeout="20")
            self.elapse(seconds - 0.1)
            self.assertFalse(call.over, does)
            self.elapse(0.2)
            self.assertEqual((call.over, call.status), (True, status))
            self.assertEqual(self.told()[-1], status)
            self.assertEqual(
                (len(self.told()), self.double.asked("/status")[-1]["SipResponseCode"]), (stages + 1, sip)
            )

    def test_no_document(self):
        """Nobody asks for the document of a call that nobody took, and it costs nothing."""
        self.carrier.person(PERSON, "no-answer")
        call = self.place()
        self.elapse(66)
        self.assertEqual((self.successResultOf(call.ended), call.heard), (Ended.UNANSWERED, b""))
        self.assertEqual((self.double.asked("/placed"), self.double.asked("/status")[-1]["CallDuration"]), ([], "0"))

    def test_declined(self):
        """A person who hangs up while it rings has declined."""
        call = self.place()
        self.elapse(1)
        call.hang_up()
        self.elapse(10)
        self.assertEqual(
            (self.successResultOf(call.ended), call.status, self.told()[-1]), (Ended.DECLINED, "busy", "busy")
        )

    def test_cancelled(self):
        """We take it back while it rings: canceled, however we say it."""
        for status in ("canceled", "completed"):
            call = self.place()
            self.elapse(1)
            self.assertEqual(self.ask("POST", call.sid, Status=status)[0], 200)
            self.assertEqual((call.status, self.told()[-1]), ("canceled", "canceled"))


class QueueTests(OutboundTestCase):
    """One call a second."""

    def test_queue(self):
        """What comes too fast waits its turn, and says how long it has."""
        self.carrier.calls_per_second = 1
        calls = [self.place() for _ in range(3)]
        self.elapse(0.5)
        self.assertEqual([call.status for call in calls], ["ringing", "queued", "queued"])
        self.elapse(1.6)
        self.assertEqual([call.status for call in calls], ["in-progress", "ringing", "ringing"])
        self.assertEqual([self.ask("GET", call.sid)[1]["queue_time"] for call in calls], ["0", "1000", "2000"])

    def test_cancelled_in_the_queue(self):
        """Nobody is told of a call that was taken back before it began."""
        self.carrier.calls_per_second = 0.1
        self.place(StatusCallback="")
        call = self.place()
        self.assertEqual(self.ask("GET", call.sid)[1]["start_time"], None)
        self.ask("POST", call.sid, Status="canceled")
        self.elapse(60)
        self.assertEqual((call.status, self.told()), ("canceled", []))


class MachineTests(OutboundTestCase):
    """Who has answered?"""

    def detect(self, mode, **person):
        """Ask for detection; the callback's form."""
        self.carrier.person(PERSON, ring=1, **person)
        call = self.place(MachineDetection=mode, AsyncAmd="true", AsyncAmdStatusCallback=f"{PUBLIC}/machine?call=r1")
        self.elapse(35)
        (form,) = self.double.asked("/machine")
        self.double.forms.clear()
        self.assertEqual(self.ask("GET", call.sid)[1]["answered_by"], form["AnsweredBy"])
        call.hang_up()
        return form

    def test_verdicts(self):
        """Every kind of answer has its word, and its time."""
        for mode, person, answered_by, milliseconds in (
            ("Enable", {}, "human", "3000"),
            ("Enable", {"answered_by": "machine", "detected": 4}, "machine_start", "4000"),
            ("Enable", {"answered_by": "fax"}, "fax", "3000"),
            ("Enable", {"answered_by": "unknown"}, "unknown", "3000"),
            ("DetectMessageEnd", {}, "human", "3000"),
            ("DetectMessageEnd", {"answered_by": "machine", "greeting": 9}, "machine_end_beep", "9000"),
            ("DetectMessageEnd", {"answered_by": "machine", "message_end": "silence"}, "machine_end_silence", "8000"),
            ("DetectMessageEnd", {"answered_by": "machine", "message_end": "other"}, "machine_end_other", "8000"),
            ("DetectMessageEnd", {"answered_by": "machine", "greeting": 31}, "unknown", "30000"),
        ):
            form = self.detect(mode, **person)
            self.assertEqual((form["AnsweredBy"], form["MachineDetectionDuration"]), (answered_by, milliseconds))
            self.assertEqual(
                set(form) - {"call"}, {"CallSid", "AccountSid", "AnsweredBy", "MachineDetectionDuration"}
            )

    def test_greeting(self):
        """A machine's greeting comes over the line."""
        self.carrier.person(PERSON, answered_by="machine", says=b"a" * 1600)
        call = self.place()
        self.elapse(3)
        self.assertEqual(call.spoken[:1600], b"a" * 1600)

    def test_nowhere_to_tell(self):
        """Asked for, without a callback: a warning, and the verdict is in the resource alone."""
        call = self.place(MachineDetection="Enable", AsyncAmd="true")
        self.elapse(6)
        self.assertEqual((self.codes(call), call.answered_by), ([21262], "human"))

    def test_waiting(self):
        """Without AsyncAmd the document waits for the verdict, and hears it."""
        self.carrier.person(PERSON, answered_by="machine", detected=4)
        self.place(MachineDetection="Enable")
        self.elapse(5.9)
        self.assertEqual(self.double.asked("/placed"), [])
        self.elapse(0.2)
        self.assertEqual(self.double.asked("/placed")[0]["AnsweredBy"], "machine_start")

    def test_gone_before(self):
        """Nothing is said of a call that ended before it was known."""
        call = self.place(
            MachineDetection="Enable", AsyncAmd="true", AsyncAmdStatusCallback=f"{PUBLIC}/machine?call=r1"
        )
        self.elapse(3)
        call.hang_up()
        self.elapse(30)
        self.assertEqual(self.double.asked("/machine"), [])


class TroubleTests(OutboundTestCase):
    """The request is done, and its answer does not come, or not yet."""

    def begin(self):
        """Ask, without waiting for the answer."""
        return self.request("POST", "Calls.json", {"To": PERSON, "From": NUMBER, "Url": f"{PUBLIC}/placed"})

    def test_late(self):
        """The stream may be there before the answer is."""
        self.carrier.delay_rest(5)
        pending = self.begin()
        self.elapse(4.9)
        self.assertNoResult(pending)
        self.assertEqual(len(self.double.sockets), 1)
        self.elapse(0.2)
        response = self.successResultOf(pending)
        found = json.loads(self.successResultOf(response.content()))
        self.assertEqual((response.code, found["sid"], found["status"]), (201, self.carrier.placed[0].sid, "queued"))

    def test_lost(self):
        """The call goes on, and the answer never comes."""
        self.carrier.lose_rest()
        pending = self.begin()
        self.elapse(60)
        self.assertNoResult(pending)
        self.assertEqual(self.carrier.placed[0].status, "in-progress")

    def test_not_done(self):
        """What fails is not done, with an answer or without."""
        self.carrier.fail_rest(None)
        self.carrier.fail_rest(503)
        self.begin()
        self.assertEqual(self.create(To=PERSON, From=NUMBER, Url=f"{PUBLIC}/placed")[0], 503)
        self.assertEqual((self.carrier.placed, [r.status for r in self.carrier.rest_requests]), ([], [0, 503]))

    def test_impatient(self):
        """Nobody minds an answer that comes when its asker has gone."""
        self.carrier.delay_rest(5)
        pending = self.begin()
        self.elapse(1)
        pending.addErrback(lambda _: None)
        pending.cancel()
        self.elapse(10)
        self.assertEqual(len(self.carrier.placed), 1)


class RandomTests(OutboundTestCase):
    """Whatever happens to calls, in any order, they end once, and nothing stays behind."""

    ACTS = st.sampled_from(
        ["place", "hang_up", "canceled", "completed", "dial", "drop", "second", "minute", "lose", "delay"]
    )
    PEOPLE = st.sampled_from(["answers", "busy", "rejects", "no-answer", "failed"])
    MANNERS = st.sampled_from([{}, {"late": 3}, {"doubled": True}, {"disordered": True}, {"lost": {"all"}}])

    @settings(max_examples=40, deadline=None)
    @given(acts=st.lists(ACTS, max_size=12), does=PEOPLE, manner=MANNERS, rate=st.sampled_from([None, 0.5]))
    def test_nothing_is_left(self, acts, does, manner, rate):
        """No timer is left, every call is over, and its end was told once, or twice where callbacks are doubled."""
        OutboundTestCase.setUp(self)
        self.double.answers["/transfer"] = ["<Dial action='/after'>+14155550133</Dial>"]
        self.carrier.callbacks, self.carrier.calls_per_second = Callbacks(**manner), rate
        self.carrier.person(PERSON, does, answered_by="machine")
        for act in ["place", *acts]:
            self.act(act)
        for call in self.carrier.placed:
            call.limit(1)
        self.elapse(200)
        late = [due for due in self.clock.getDelayedCalls() if "_updateLogDateTime" not in repr(due.func)]
        self.assertEqual((late, {call.over for call in self.carrier.placed}), ([], {True}))
        ends = [form["CallSid"] for form in self.double.asked("/status") if "CallDuration" in form]
        tries = [call.sid for call in self.carrier.placed if call.attempted_at is not None]
        times = 0 if "lost" in manner else 2 if "doubled" in manner else 1
        self.assertEqual(sorted(ends), sorted(tries * times))

    def act(self, act):
        """One thing happens to the call that was placed last."""
        call = self.carrier.placed[-1] if self.carrier.placed else None
        if act in ("second", "minute"):
            self.elapse({"second": 1, "minute": 60}[act])
        elif act in ("lose", "delay"):
            self.carrier.lose_rest() if act == "lose" else self.carrier.delay_rest(4)
        elif act == "place" or call is None:
            url, more = f"{PUBLIC}/placed", {"AsyncAmd": "true", "AsyncAmdStatusCallback": f"{PUBLIC}/machine"}
            told = {"StatusCallback": f"{PUBLIC}/status", "StatusCallbackEvent": ALL, "MachineDetection": "Enable"}
            self.update("Calls.json", {"To": PERSON, "From": NUMBER, "Url": url, **told, **more})
        elif act == "hang_up":
            call.hang_up()
        elif act == "drop":
            self.carrier.drop_stream(call)
        elif act == "dial":
            self.update(f"Calls/{call.sid}.json", {"Url": f"{PUBLIC}/transfer"})
        else:
            self.update(f"Calls/{call.sid}.json", {"Status": act})

    def update(self, path, form):
        """Ask, whatever becomes of it."""
        self.request("POST", path, form).addErrback(lambda _: None)
        self.elapse(0)

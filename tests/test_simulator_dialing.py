"""<Dial>: legs that ring, talk, are busy or wrong; what the action hears; and a human who does not wait."""

from tests.test_simulator_daemon import HANGUP, NUMBER, DoubleTestCase

HUMAN = "+14155550133"
OTHER = "+14155550134"


class DialTestCase(DoubleTestCase):
    """Calls whose document dials somebody."""

    def dial(self, *numbers, caller="+14155550100", **attributes):
        """Somebody rings, and is connected with these."""
        written = " ".join(f'{name}="{value}"' for name, value in attributes.items())
        nouns = [
            f"<Sip>{number}</Sip>" if "@" in number else f"<Number>{number}</Number>" for number in numbers or [HUMAN]
        ]
        return self.ring(f'<Dial action="/after" {written}>{"".join(nouns)}</Dial>', from_=caller)

    def heard(self):
        """What the action has heard: DialCallStatus of each time."""
        return [form["DialCallStatus"] for form in self.double.asked("/after")]

    def states(self, call):
        """What each leg has come to."""
        return [leg.status for leg in call.children]


class LegTests(DialTestCase):
    """One leg."""

    def test_dial(self):
        """A dialled callee talks as long as the script says; the action hears of it."""
        self.carrier.callee(HUMAN, ring=2, talk=5)
        call = self.dial(callerId=NUMBER)
        self.elapse(6.9)
        self.assertEqual((self.heard(), self.states(call)), ([], ["in-progress"]))
        self.elapse(0.2)
        form = self.double.asked("/after")[0]
        self.assertEqual((form["DialCallStatus"], form["DialCallDuration"]), ("completed", "5"))
        self.assertEqual((form["DialBridged"], form["DialCallSid"]), ("true", call.children[0].sid))
        self.assertEqual((call.dialed[0].numbers, call.dialed[0].attributes["callerId"]), ((HUMAN,), NUMBER))
        self.assertEqual((call.children[0].from_, call.children[0].parent_sid), (NUMBER, call.sid))

    def test_not_reached(self):
        """Who is busy, or fails otherwise, was not bridged, and no time is counted."""
        for status in ("busy", "no-answer", "failed"):
            self.carrier.callee(HUMAN, status, ring=1)
            self.dial()
            self.elapse(1)
            form = self.double.asked("/after")[-1]
            self.assertEqual((form["DialCallStatus"], form["DialBridged"]), (status, "false"))
            self.assertNotIn("DialCallDuration", form)

    def test_timeout(self):
        """Who does not answer in time does not answer."""
        self.carrier.callee(HUMAN, ring=60)
        self.dial(timeout=10)
        self.elapse(10.1)
        self.assertEqual(self.heard(), ["no-answer"])

    def test_time_limit(self):
        """They talk no longer than that."""
        self.carrier.callee(HUMAN, ring=1, talk=100)
        self.dial(timeLimit=20)
        self.elapse(21.1)
        self.assertEqual(self.double.asked("/after")[0]["DialCallDuration"], "20")

    def test_no_action(self):
        """Without an action the next verb runs."""
        self.carrier.callee(HUMAN, "busy", ring=1)
        call = self.ring(f"<Dial>{HUMAN}</Dial><Say>Busy</Say>{HANGUP}")
        self.elapse(3)
        self.assertEqual((call.said, call.over), (["Busy"], True))

    def test_sip(self):
        """A SIP address is dialled like a number."""
        self.carrier.callee("sip:desk@pbx.example", ring=1, talk=1)
        self.dial("sip:desk@pbx.example")
        self.elapse(2.1)
        self.assertEqual(self.heard(), ["completed"])

    def test_several(self):
        """All ring at once; the first who answers talks, the others are told that it is over."""
        self.carrier.callee(HUMAN, ring=5)
        self.carrier.callee(OTHER, ring=3, talk=4)
        call = self.dial(HUMAN, OTHER)
        self.elapse(3.1)
        self.assertEqual(self.states(call), ["canceled", "in-progress"])
        self.elapse(4)
        self.assertEqual(self.double.asked("/after")[0]["DialCallSid"], call.children[1].sid)

    def test_answer_on_bridge(self):
        """With answerOnBridge a call is answered only when somebody talks; else it is at once."""
        self.assertEqual(self.dial().status, "in-progress")
        call = self.dial(answerOnBridge="true")
        self.elapse(1.9)
        self.assertEqual(call.status, "ringing")
        self.elapse(0.2)
        self.assertEqual(call.status, "in-progress")


class RefusedTests(DialTestCase):
    """What the carrier does not dial."""

    def refused(self, *numbers, **how):
        """The one alert of a <Dial> that fails at once."""
        call = self.dial(*numbers, **how)
        self.elapse(0)
        self.assertEqual(self.heard()[-1], "failed")
        (code,) = self.codes(call)
        return code

    def test_numbers(self):
        """What is no number, or may not be called, has its code."""
        self.carrier.refuse(HUMAN, 21215)
        self.carrier.refuse(OTHER, 21214)
        self.assertEqual(self.refused("4155550133"), 13223)
        self.assertEqual(self.refused("sip:nobody@"), 13243)
        self.assertEqual((self.refused(HUMAN), self.refused(OTHER)), (13227, 13224))

    def test_caller_id(self):
        """A caller ID is ours, verified, or a party's; another is 13214, and nobody is dialled."""
        self.carrier.account.verified.add("+14155550188")
        for good in (NUMBER, "+14155550188", "+14155550100"):
            self.assertEqual(self.dial(callerId=good).warnings, [], good)
        self.assertEqual(self.refused(callerId="+14155550199"), 13214)
        self.assertEqual(self.refused(caller="client:ann"), 13214)

    def test_nameless_caller(self):
        """A caller without a number is passed on as they are, with a warning."""
        call = self.dial(caller="anonymous")
        self.elapse(3)
        self.assertEqual((self.codes(call), self.states(call)), ([13214], ["in-progress"]))


class LeftTests(DialTestCase):
    """The human does not wait, or we do not."""

    def test_hang_up_while_ringing(self):
        """The leg is canceled, and the action hears of it, of a call that is over."""
        call = self.dial()
        self.elapse(1)
        call.hang_up()
        self.elapse(60)
        (form,) = self.double.asked("/after")
        self.assertEqual((form["DialCallStatus"], form["CallStatus"]), ("canceled", "completed"))
        self.assertEqual((call.status, len(call.twiml)), ("completed", 1))

    def test_hang_up_while_talking(self):
        """The leg is completed after as long as they talked; what the action answers is not obeyed."""
        call = self.dial()
        self.elapse(5)
        call.hang_up()
        self.elapse(60)
        (form,) = self.double.asked("/after")
        self.assertEqual((form["DialCallStatus"], form["DialCallDuration"]), ("completed", "3"))
        self.assertEqual(len(call.twiml), 1)

    def test_nobody_to_tell(self):
        """If the action fails then, that is an alert, and nothing else."""
        call = self.dial()
        self.double.answers["/after"] = [(500, "")]
        call.hang_up()
        self.elapse(1)
        self.assertEqual(self.codes(call), [11200])

    def test_sent_elsewhere(self):
        """A call that is sent elsewhere leaves whom it has dialled, and the action is not asked."""
        call = self.dial()
        self.elapse(5)
        call.begin(call.plan.start)
        self.elapse(0)
        self.assertEqual((self.states(call)[0], self.heard()), ("completed", []))

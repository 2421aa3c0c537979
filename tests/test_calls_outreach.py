"""Whole calls whose flow asks a web service, or sends the caller a text message, in memory."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import attrs
import msgspec
from twisted.logger import capturedLogs
from twisted.web.server import Site
from zope.interface import implementer

from tests.agents import ScriptedAgent
from tests.house import NUMBER, PERSON, House, flow, say
from tests.memory_reactor import MemoryReactor
from tests.test_guard_counters import DictCounts
from tests.test_webservices import Service
from voiced.call.privacy import Privacy
from voiced.call.program import Colleague
from voiced.call.records import Ending
from voiced.call.steps.asking import Http
from voiced.call.steps.handover import Agent
from voiced.call.steps.speech import Pause
from voiced.call.steps.texting import Sms
from voiced.call.template import Template
from voiced.errors import Refused
from voiced.guard.guard import Guard
from voiced.guard.patterns import Pattern
from voiced.guard.rules import Inbound, Outbound
from voiced.ivoiced import ICall, IStep, Mentions
from voiced.net.outside import web_agent
from voiced.net.signature import Signature
from voiced.secret import Secret
from voiced.simulator.carrier import SimulatedCall
from voiced.simulator.memory import elapse
from voiced.webservices import WebRules, WebServices

URL = "https://crm.example/calls/{call.sid}"
CALLER, PAUL = "+14155552671", "+33612345678"
KEY = "a-secret-that-nobody-may-see"


def texts(**words: str) -> dict[str, Template]:
    """Texts of a flow."""
    return {name: Template.parse(text) for name, text in words.items()}


def sms(text: str = "Your table is booked.", **more: Any) -> Sms:
    """A step that sends this."""
    return Sms(Template.parse(text), **more)


class WebHouse(House):
    """A house with a web service at crm.example."""

    def setUp(self) -> None:
        """It listens."""
        super().setUp()
        self.service = Service()
        self.service.body = b'{"order": {"state": "sent", "total": 21.50}}'
        self.network.listen("crm.example", Site(self.service, reactor=self.clock, timeout=None))

    def web(self, **rules: Any) -> WebServices:
        """The way to it."""
        return WebServices(WebRules(**rules), self.network.agent(), self.network.agent(), self.clock)

    def flows(self, *steps: IStep, web: WebServices | None = None, **more: Any) -> None:
        """A daemon with these steps, and a node to be sorry at."""
        nodes = {"start": list(steps), "sorry": [say("Sorry, {http.status}.")]}
        self.lives_in(flow(nodes), web=web or self.web(), **more)

    def calls(self, seconds: float = 9, **how: Any) -> SimulatedCall:
        """Somebody calls, and so much time passes."""
        call = self.ring(from_=CALLER, **how)
        self.passes(seconds)
        return call


class HttpTests(WebHouse):
    """The step http, on the line."""

    def test_before_and_after_an_agent(self) -> None:
        """What a service knows is said before the agent comes; how that went is told afterwards."""
        agent = ScriptedAgent(self.clock)
        self.flows(
            Http(URL, into={"order.state": "order.state", "order.total": "order.total"}),
            say("It is {order.state}, {order.total}."),
            Agent("helper", variables=texts(order="{order.state}")),
            Http(URL, "POST", texts(outcome="{agent.outcome}", party="{call.party}")),
            say("Noted: {http.ok}."),
            agents={"helper": Colleague(agent)},
        )
        call = self.calls(4)
        self.assertEqual(agent.brief.variables, {"order": "sent"})
        agent.ends()
        self.passes(5)
        self.assert_heard(call, "It is sent, 21.50.", "Noted: yes.")
        (get, _, _, _), (post, uri, body, _) = self.service.asked
        self.assertEqual((get, post, uri), ("GET", "POST", f"/calls/{call.sid}"))
        self.assertEqual(json.loads(body), {"outcome": "completed", "party": CALLER})
        self.assert_ended(call, Ending.COMPLETED)

    def test_on_hangup(self) -> None:
        """After the caller has gone there is no line, and no need of one."""
        gone = [Http(URL, "PUT", texts(ended="yes"), into={"a": "order.total"}), sms("Sorry that we missed you.")]
        self.lives_in(flow({"start": [Pause(99)], "gone": gone}, on_hangup="gone"), web=self.web())
        call = self.calls(2)
        call.hang_up()
        self.passes(2)
        self.assertEqual([method for method, *_ in self.service.asked], ["PUT"])
        self.assertEqual([text.body for text in self.carrier.texts], ["Sorry that we missed you."])
        record = self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual([step["result"] for step in record["steps"]], ["cut off", "200", "sent"])
        self.assertEqual((record["faults"], len(record["texts"])), ([], 1))

    def test_signed(self) -> None:
        """The service can tell that it is us: the HMAC of name, time and body is right."""
        self.flows(
            Http(URL, "POST", texts(party="{call.party}")), web=self.web(signature=Signature.parse(Secret(KEY)))
        )
        self.calls()
        ((_, _, body, headers),) = self.service.asked
        name, time, signature = (
            headers.getRawHeaders(f"webhook-{each}", [""])[0] for each in ("id", "timestamp", "signature")
        )
        signed = hmac.new(KEY.encode(), f"{name}.{time}.".encode() + body, hashlib.sha256).digest()
        self.assertEqual(signature, f"v1,{base64.b64encode(signed).decode()}")
        self.assertLess(abs(self.clock.seconds() - int(time)), 60)

    def test_private_address(self) -> None:
        """A name that turns out to be inside is not asked, and the caller hears how it goes on."""
        reactor = MemoryReactor()
        reactor.names["crm.example"] = ["10.0.0.5"]
        web = WebServices(WebRules(), web_agent(reactor), web_agent(reactor, inside=True), self.clock)
        self.flows(Http(URL, otherwise="sorry"), web=web)
        call = self.calls(0)
        elapse(reactor, 1)
        self.passes(5)
        self.assert_heard(call, "Sorry, .")
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertIn("is in our own network", record["steps"][0]["result"])
        self.assertEqual((reactor.connected, self.service.asked), ([], []))

    def test_bad_answers(self) -> None:
        """A server that broke, and one that sends us elsewhere: the flow goes on, and nobody else is asked."""
        for status in (500, 302):
            self.service.status, self.service.fields = status, {"Location": "https://crm.example/inside"}
            self.flows(Http(URL, otherwise="sorry"), say("Never said."))
            call = self.calls()
            self.assert_heard(call, f"Sorry, {status}.")
            self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual(len(self.service.asked), 2)

    def test_slow(self) -> None:
        """Somebody who does not answer is not waited for any longer than the step says."""
        self.service.body = None
        self.flows(say("One moment."), Http(URL, timeout=5, otherwise="sorry"))
        call = self.calls(5)
        self.assert_heard(call, "One moment.")
        self.passes(4)
        self.assert_heard(call, "One moment.", "Sorry, .")
        self.assertEqual(self.service.lost, 1)

    def test_caller_hangs_up_meanwhile(self) -> None:
        """When the caller goes, nobody waits for the answer."""
        self.service.body = None
        self.flows(Http(URL, timeout=30))
        call = self.calls(2)
        call.hang_up()
        self.passes(2)
        self.assertEqual(self.service.lost, 1)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)

    def test_nothing_is_written_down(self) -> None:
        """Log and journal have host and status, and nothing of URL, body and answer, whatever `privacy` says."""
        self.service.status, self.service.body = 404, b'{"error": "no boat called Nautilus"}'
        asked = Http("https://crm.example/boats/{boat}", "POST", texts(who="captain {captain}"), into={"a": "error"})
        with capturedLogs() as events:
            self.flows(SetFacts({"boat": "Nautilus", "captain": "Nemo"}), asked, privacy=Privacy.OPEN)
            self.calls()
        ours = [event for event in events if str(event.get("log_namespace")).startswith("voiced")]
        said = str([event["log_format"].format(**event) for event in ours])
        self.assertIn("crm.example answered 404", said)
        for word in ("Nautilus", "Nemo", "boats"):
            self.assertNotIn(word, said + str(self.journal.lines))
        self.assertEqual(self.service.asked[0][1], "/boats/Nautilus")

    def test_a_daemon_that_asks_nobody(self) -> None:
        """Where there is no way to web services, the flow goes on."""
        self.lives_in(flow({"start": [Http(URL), say("It was {http.ok}.")]}))
        self.assert_heard(self.calls(), "It was no.")


class SmsTests(WebHouse):
    """The step sms, on the line."""

    def test_sent(self) -> None:
        """Before, between and after agents: each is sent to the caller, from the number they have called."""
        agent = ScriptedAgent(self.clock)
        steps = [sms("One."), Agent("helper"), sms("Two: {agent.outcome}."), Agent("helper"), sms("Three.")]
        self.flows(*steps, say("It was {sms.result}."), agents={"helper": Colleague(agent)})
        call = self.calls(1)
        for _ in range(2):
            agent.ends()
            self.passes(2)
        self.passes(5)
        self.assertEqual([text.body for text in self.carrier.texts], ["One.", "Two: completed.", "Three."])
        self.assertEqual({(text.to, text.from_) for text in self.carrier.texts}, {(CALLER, NUMBER)})
        self.assert_heard(call, "It was sent.")
        self.assert_ended(call, Ending.COMPLETED)

    def test_record(self) -> None:
        """The record has who was texted, as far as `privacy` lets it, and no word of what."""
        for privacy, to in [(Privacy.OPEN, CALLER), (Privacy.MASKED, "+14•••••••71"), (Privacy.STRICT, "withheld")]:
            self.flows(sms("The password is swordfish."), privacy=privacy)
            record = self.assert_ended(self.calls(), Ending.COMPLETED)
            ((shown),) = record["texts"]
            self.assertEqual((shown["to"], shown["sid"]), (to, self.carrier.texts[-1].sid))
            self.assertTrue(shown["sent"].startswith("2023-11-14T"))
            self.assertNotIn("swordfish", str(self.journal.lines))

    def test_outbound(self) -> None:
        """Whom we have called is texted from the number that has called them, or from another one of ours."""
        self.carrier.number("+14155550124", "/call/incoming")
        for more, ours in [({}, NUMBER), ({"from_": "+14155550124"}, "+14155550124")]:
            self.flows(sms(**more))
            self.calls_out(flow="test")
            self.passes(10)
            self.assertEqual((self.carrier.texts[-1].to, self.carrier.texts[-1].from_), (PERSON, ours))

    def test_nobody_to_text(self) -> None:
        """Callers without a number get none."""
        self.flows(sms(), say("It was {sms.result}."))
        for caller in ("anonymous", "sip:ann@example.com", ""):
            call = self.ring(from_=caller)
            self.passes(9)
            self.assert_heard(call, "It was failed.")
        self.assertEqual((self.carrier.texts, self.carrier.rest_requests), ([], []))

    def test_carrier_refuses(self) -> None:
        """What Twilio says no to is failed; why, is in the record, as a sentence of ours."""
        for code, words in [(21610, "replied STOP"), (21408, "Geo permissions"), (21608, "trial")]:
            self.carrier.refuse_texts(CALLER, code)
            self.flows(sms(otherwise="sorry"), say("Never said."))
            record = self.assert_ended(self.calls(), Ending.COMPLETED)
            self.assertIn(words, record["steps"][0]["result"])
            self.assertEqual((record["texts"], record["steps"][1]["node"]), ([], "sorry"))
        self.assertEqual(len(self.carrier.rest_requests), 3)

    def test_not_ours(self) -> None:
        """A number that is not the account's is none to text from."""
        self.flows(sms(from_=PERSON))
        record = self.assert_ended(self.calls(), Ending.COMPLETED)
        self.assertIn("none of Twilio's", record["steps"][0]["result"])

    def test_too_many_requests(self) -> None:
        """What Twilio has certainly not done is asked for again, three times."""
        for times, sent, requests in [(2, 1, 3), (9, 0, 4)]:
            self.carrier.rest_requests.clear()
            self.carrier.texts.clear()
            self.carrier.fail_rest(429, times)
            self.flows(sms())
            self.calls()
            self.assertEqual((len(self.carrier.texts), len(self.carrier.rest_requests)), (sent, requests))

    def test_no_answer(self) -> None:
        """What may have been done is not asked for again: nobody gets a text twice."""
        troubles = [(self.carrier.lose_rest, "sending"), (lambda: self.carrier.fail_rest(500), "failed")]
        for trouble, result in troubles:
            self.carrier.rest_requests.clear()
            trouble()
            self.flows(sms(), say("It was {sms.result}."))
            self.assert_heard(self.calls(15), f"It was {result}.")
            self.assertEqual(len(self.carrier.rest_requests), 1)

    def test_slow(self) -> None:
        """A carrier that takes long keeps no caller waiting; the text is sent, and in the record."""
        self.carrier.delay_rest(6)
        self.flows(sms(), say("It was {sms.result}."))
        call = self.calls(5.5)
        self.assert_heard(call, "It was sending.")
        self.passes(6)
        self.assertEqual(len(self.assert_ended(call, Ending.COMPLETED)["texts"]), 1)

    def test_caller_hangs_up_meanwhile(self) -> None:
        """Who hangs up as soon as they hear that a text is coming, gets it; the record has it."""
        self.carrier.delay_rest(3)
        self.flows(sms())
        call = self.calls(1)
        call.hang_up()
        self.passes(5)
        self.assertEqual(len(self.carrier.texts), 1)
        self.assertEqual(len(self.assert_ended(call, Ending.CALLER_HUNG_UP)["texts"]), 1)

    def test_line_is_lost_meanwhile(self) -> None:
        """A step that is run again on another line does not send the text twice."""
        self.carrier.delay_rest(3)
        self.flows(sms(), say("It was {sms.result}."))
        call = self.calls(1)
        self.carrier.drop_stream(call)
        self.passes(9)
        record = self.assert_ended(call, Ending.COMPLETED)
        self.assertEqual((record["streams"], len(self.carrier.texts), len(record["texts"])), (2, 1, 1))
        self.assert_heard(call, "It was sent.")


class GuardedTests(WebHouse):
    """Texts that the guard refuses: no request to the carrier, and a line in the journal."""

    def guarded(self, **rules: Any) -> None:
        """The real guard's word on texts, with these rules of `outbound:`."""

        def refused(refusal: Refused, attempt: Any) -> None:
            self.daemon.refused(refusal, **attrs.asdict(attempt, recurse=False))

        guard = Guard(Outbound(**rules), Inbound(), self.clock, DictCounts(), refused)
        self.patch(self.guard, "text", guard.text)
        self.flows(sms(), say("It was {sms.result}."))

    def assert_refused(self, call: SimulatedCall, rule: str) -> None:
        """The caller heard of it, the carrier did not; the journal has the rule, and no number."""
        self.assert_heard(call, "It was refused.")
        line = next(line for line in self.journal.lines if line["event"] == "refused" and line["call"] == call.sid)
        self.assertEqual((line["what"], line["rule"], line["direction"]), ("text", rule, "outbound"))
        self.assertIn("•••", line["party"])
        self.assertEqual(self.assert_ended(call, Ending.COMPLETED)["steps"][0]["result"], f"refused: {rule}")
        self.assertEqual(self.carrier.texts, [])

    def test_allowed(self) -> None:
        """Who has called us is texted, without a line in `allow`."""
        self.guarded()
        self.assert_heard(self.calls(), "It was sent.")

    def test_callers(self) -> None:
        """Callers with numbers that cost more, that are none, or that are on the do-not-call list."""
        everybody = (Pattern.parse("+1*"), Pattern.parse("+8*"))
        for caller, rule, rules in [
            ("+19002345678", "risky", {"allow": everybody, "risky": (Pattern.parse("+1900*"),)}),
            ("+881612345678", "risky", {"allow": everybody}),
            ("+266696687", "number", {}),
            (CALLER, "dnc", {"dnc": frozenset({CALLER})}),
        ]:
            self.guarded(**rules)
            call = self.ring(from_=caller)
            self.passes(9)
            self.assert_refused(call, rule)

    def test_called(self) -> None:
        """Whom we have called has to be in `allow` to be texted, too."""
        self.guarded()
        call = self.calls_out(PAUL, flow="test")
        self.passes(9)
        self.assert_refused(call, "allow")

    def test_caps(self) -> None:
        """The sixth text to somebody on one day is refused, and so is what is over the day's cap."""
        for rules, rule in [
            ({"texts_per_destination_per_day": 2}, "texts_per_destination_per_day"),
            ({"texts_per_day": 2}, "texts_per_day"),
        ]:
            self.guarded(**rules)
            for _ in range(2):
                self.assert_heard(self.calls(), "It was sent.")
            self.carrier.texts.clear()
            self.assert_refused(self.calls(), rule)


@implementer(IStep)
class SetFacts(msgspec.Struct, frozen=True):
    """A step that knows something."""

    known: dict[str, str]

    def mentions(self) -> Mentions:
        """See IStep."""
        return Mentions()

    async def run(self, call: ICall) -> None:
        """See IStep."""
        call.facts.update(self.known)

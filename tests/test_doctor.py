"""What the doctor finds, in a world in memory: names, the way in, signatures, Twilio, ElevenLabs, the clock."""

from __future__ import annotations

import json
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import attrs
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred, fail
from twisted.internet.protocol import Factory, Protocol
from twisted.names.error import DNSQueryTimeoutError
from twisted.web.resource import Resource

from tests import twilio_contract
from tests.doctor_house import ADDRESS, INNER, DoctorHouse
from tests.files_house import NUMBER
from voiced.cli.doctor import examined as printed
from voiced.doctor.clock import judged
from voiced.doctor.examination import Examination, mended
from voiced.doctor.finding import Finding, Verdict
from voiced.simulator.account import Notice
from voiced.simulator.elevenlabs import API_KEY
from voiced.simulator.number import Number

PASS, FAIL, UNASKED = Verdict.PASS, Verdict.FAIL, Verdict.UNASKED


async def _broken() -> list[Finding]:
    raise ZeroDivisionError


class BoundTests(DoctorHouse):
    """A check that gets no answer, whatever the reason, is not asked; and says the reason."""

    def said(self, looking: Deferred[list[Finding]]) -> str:
        """What is said of a check that waits for this."""

        async def check() -> list[Finding]:
            return await looking

        bounded = Examination(self.world, self.read())._bounded("tls", check(), 7.0, "voiced.test")
        self.passes(10)
        (finding,) = self.successResultOf(bounded)
        self.assertEqual((finding.verdict, finding.check, finding.about), (Verdict.UNASKED, "tls", "voiced.test"))
        return finding.says

    def test_never(self) -> None:
        """Whoever waits too long says how long; also where what is given up then calls it something else."""
        for stopped in (CancelledError, error.ConnectingCancelledError, error.ConnectionAborted):
            looking: Deferred[list[Finding]] = Deferred(lambda gone, stopped=stopped: gone.errback(stopped(None)))
            self.assertEqual(self.said(looking), "no answer within 7 s")

    def test_network(self) -> None:
        """What the network did is said as it was: it is no matter of time."""
        self.assertIn("the other side refused the connection", self.said(fail(error.ConnectionRefusedError())))
        self.assertIn("did not take the connection in time", self.said(fail(error.TCPTimedOutError())))

    def test_fault_of_ours(self) -> None:
        """A fault of ours is none of the network's, and not hidden."""
        with self.assertRaises(ZeroDivisionError):
            raise self.failureResultOf(Examination(self.world, self.read())._bounded("tls", _broken(), 7.0)).value


class Page(Resource):
    """Whatever is asked, this status and text."""

    isLeaf = True

    def __init__(self, status: int, text: str = "") -> None:
        super().__init__()
        self._answer = status, text.encode()

    def render(self, request: Any) -> bytes:
        """Named by twisted.web."""
        request.setResponseCode(self._answer[0])
        return self._answer[1]


class WholeTests(DoctorHouse):
    """All of it together."""

    def test_well(self) -> None:
        """Where all is well nothing fails; TLS is not spoken in this network."""
        self.assertEqual([each for each in self.examined() if each.verdict is not PASS and each.check != "tls"], [])
        if twilio_contract.available():
            twilio_contract.check_rest(self.carrier.rest_requests)

    def test_no_network(self) -> None:
        """Without a network nobody can be asked, each check says so, and none takes for ever."""
        for name in ("api.twilio", "api.elevenlabs", ADDRESS):
            self.network.swallow(name)
        self.public_names = lambda name: fail(DNSQueryTimeoutError(1))
        self.own = []
        verdicts = {each.check: each.verdict for each in self.examined()}
        self.assertEqual({check for check, verdict in verdicts.items() if verdict is PASS}, {"configuration"})
        self.assertNotIn(FAIL, verdicts.values())

    def test_silence(self) -> None:
        """Whoever takes a connection and says nothing keeps nobody waiting for long."""
        for name in ("api.twilio", "api.elevenlabs", ADDRESS, f"tls {ADDRESS}"):
            if name.startswith("api") or name == ADDRESS:
                self.network.forget(name)
            self.network.listen(name, Factory.forProtocol(Protocol))
        found = {each.check: each.verdict for each in self.examined()}
        self.assertEqual({found.pop(check) for check in ("configuration", "dns")}, {PASS})
        self.assertEqual({found.pop(check) for check in ("public url", "tls")}, {FAIL})
        self.assertEqual(set(found.values()), {UNASKED})

    def test_printed(self) -> None:
        """People get lines, programs a document, and both an exit code."""
        self.carrier.account.trial = True
        for as_json in (False, True):
            with redirect_stdout(StringIO()) as out:
                looking = Deferred.fromCoroutine(printed(self.world, self.read(), as_json=as_json))
                self.passes(60)
            self.assertEqual(self.successResultOf(looking), 1)
            if as_json:
                whole = json.loads(out.getvalue())
                bad = [each for each in whole["checks"] if each["verdict"] == "fail"]
                self.assertEqual([whole["failed"], *(each["check"] for each in bad)], [2, "tls", "account"])
            else:
                self.assertIn("fix: upgrade it", out.getvalue())
                self.assertIn("2 fail, 0 not asked", out.getvalue())


class WayInTests(DoctorHouse):
    """The name, and who answers."""

    def test_dns(self) -> None:
        """What public DNS knows, and what this machine says instead."""
        self.assert_found("dns", PASS, ADDRESS)
        self.own = [INNER]
        self.assert_found("dns", PASS, "It hairpins: here the name is " + INNER)
        self.public = []
        self.assert_found("dns", FAIL, "only this machine's resolver does", "A record")
        self.public = [INNER]
        self.assert_found("dns", FAIL, "nobody outside can go there")
        self.public_names = lambda name: fail(DNSQueryTimeoutError(1))
        self.assert_found("dns", UNASKED, "no public resolver answers", f"here it is {INNER}")

    def test_an_address(self) -> None:
        """A host that is an address is looked up nowhere."""
        self.settings(("https://voiced.test", f"https://{ADDRESS}"))
        self.public_names = lambda name: fail(AssertionError(name))
        self.assert_found("dns", PASS, ADDRESS)

    def test_own_address(self) -> None:
        """Where the public address is this machine's own, the way from outside was not walked."""
        self.own_addresses = {ADDRESS}
        self.assert_found("public url", PASS, "the way from outside was not walked")

    def test_only_from_here(self) -> None:
        """The daemon answers at the inner address alone."""
        self.own = [INNER]
        self.network.forget(ADDRESS)
        self.assert_found("public url", FAIL, f"nobody answers at {ADDRESS}")
        self.network.listen(INNER, self.daemon.site())
        self.assert_found("public url", FAIL, "only reachable from here", "ask from elsewhere")

    def test_nobody(self) -> None:
        """Nobody listens."""
        self.network.forget(ADDRESS)
        self.assert_found("public url", FAIL, "refused the connection", "Caddyfile")
        self.assert_found("signature", UNASKED, "could not be asked")

    def test_somebody_else(self) -> None:
        """A proxy without a daemon, a wrong path, a redirect, another server: each has its fix."""
        for status, fix in (
            (502, "start the daemon"),
            (404, "every path"),
            (301, "where it leads"),
            (200, "own add"),
        ):
            self.relisten(ADDRESS, Page(status, "Hello"))
            self.assert_found("public url", FAIL, fix)

    def test_signature(self) -> None:
        """What a daemon with other settings, or none at all, makes of signatures."""
        self.assert_found("signature", PASS, "a forged one refused")
        for status, says in ((403, "our own signature is refused"), (204, "wrong signature was accepted"),
                             (500, "answers 500")):  # fmt: skip
            self.relisten(ADDRESS, Page(status))
            self.assert_found("signature", FAIL, says)

    def test_insecure(self) -> None:
        """Where nothing is signed there is nothing to ask."""
        self.settings(("prerender: false", "prerender: false\ninsecure: true"))
        self.assert_found("signature", UNASKED, "insecure")


class AccountTests(DoctorHouse):
    """The account at Twilio."""

    def test_account(self) -> None:
        """A trial, a suspended one, and a wrong token."""
        self.carrier.account.trial = True
        self.assert_found("account", FAIL, "strips <Stream>", "upgrade")
        self.carrier.account.status = "suspended"
        self.assert_found("account", FAIL, "it is suspended")
        self.carrier.account.auth_token = "another"
        self.assert_found("account", FAIL, "refuses our credentials", "auth token")
        self.network.forget("api.twilio")
        self.assert_found("account", UNASKED, "cannot be reached")

    def test_alerts(self) -> None:
        """Alerts of the last day are told by code, with meaning and fix; older ones and harmless ones are not."""
        now = self.reactor.seconds()
        notices = self.carrier.account.notices
        notices += [Notice(11200, now - 90000), Notice(31921, now - 50, "CA1"), Notice(13224, now - 50)]
        self.assert_found("alerts", PASS, "2 others")
        notices += [Notice(11236, now - 500), Notice(11236, now - 400, "CA2"), Notice(99999, now - 7)]
        found = [each for each in self.examined() if each.check == "alerts"]
        self.assertEqual([each.verdict for each in found], [FAIL, FAIL])
        self.assertIn("11236, 2 in the last day: the certificate of public_url has expired", found[0].says)
        self.assertIn("call CA2", found[0].says)
        self.assertIn("voiced doctor", found[0].fix)
        self.assertIn("errors/99999", found[1].fix)

    def test_alerts_of_calls(self) -> None:
        """What a call has met is among them."""
        self.carrier.webhooks.refuse = 30
        call = self.ring()
        self.passes(100)
        self.assertTrue(call.over)
        found = next(each for each in self.examined() if each.check == "alerts")
        self.assertIn("11205, 2 in the last day", found.says)
        self.assertIn(call.sid, found.says)


class NumberTests(DoctorHouse):
    """Where the numbers lead."""

    def set(self, **changes: Any) -> None:
        """Somebody types this into the console."""
        self.carrier.account.numbers[NUMBER] = attrs.evolve(self.carrier.account.numbers[NUMBER], **changes)

    def test_mended(self) -> None:
        """URLs that lead elsewhere are set, and what was there before is told; calls come here then."""
        self.set(voice_url="https://demo.twilio.com/welcome", voice_method="GET", fallback_url=None)
        self.assert_found("number", FAIL, "voice url is https://demo.twilio.com/welcome", "fallback url is empty")
        found = self.assert_found("number", PASS, "before: voice url is https://demo.twilio.com/welcome", fix=True)
        self.assertEqual(found.about, NUMBER)
        self.assert_found("number", PASS, "leads here")
        call = self.ring()
        self.passes(30)
        self.assertEqual(self.heard(call), ["First, old.", "Second, old."])
        if twilio_contract.available():
            twilio_contract.check_rest(self.carrier.rest_requests)

    def test_elsewhere(self) -> None:
        """Fax, an application and a trunk take a number's calls away; the last two are left to their owner."""
        self.set(receive_mode="fax")
        self.assert_found("number", FAIL, "receive mode is fax")
        self.assert_found("number", PASS, fix=True)
        self.assertEqual(self.carrier.account.numbers[NUMBER].receive_mode, "voice")
        self.set(application_sid="AP" + "1" * 32)
        self.assert_found("number", FAIL, "TwiML app AP111", fix=True)
        self.set(trunk_sid="TK1")
        self.assert_found("number", FAIL, "SIP trunk TK1", fix=True)

    def test_without_overrides(self) -> None:
        """URLs without what stands behind the `#` are right, and could be better."""
        self.set(voice_url="https://voiced.test/call/incoming")
        self.assert_found("number", PASS, "without `#ct=2000")

    def test_not_ours(self) -> None:
        """A number that we call from and do not have; none at all; and one that could not be set."""
        numbers = self.carrier.account.numbers
        numbers["+14155550150"] = Number("+14155550150", "https://elsewhere.test/")
        del numbers[NUMBER]
        self.assert_found("number", FAIL, "not one of its numbers (+14155550150)")
        numbers.clear()
        self.assert_found("number", FAIL, "has no number")

    def test_nobody_has(self) -> None:
        """A number of `numbers:` that no account has."""
        self.settings(("{default: test}", '{"+14155550177": test, "+44*": test, default: test}'))
        found = [each for each in self.examined() if each.check == "number"]
        self.assertEqual([(each.about, each.verdict) for each in found], [(NUMBER, PASS), ("+14155550177", FAIL)])

    def test_none_named(self) -> None:
        """Where the settings name no number, one that leads here will do, and those of others are never touched."""
        self.settings((f', number: "{NUMBER}"', ""))
        numbers = self.carrier.account.numbers
        numbers["+14155550150"] = Number("+14155550150", "https://elsewhere.test/")
        self.assertEqual(self.assert_found("number", PASS, fix=True).about, NUMBER)
        del numbers[NUMBER]
        self.assert_found("number", FAIL, "none of the account's numbers leads here", "voiced connect", fix=True)
        self.assertEqual(numbers["+14155550150"].voice_url, "https://elsewhere.test/")

    def test_refused(self) -> None:
        """Twilio does not let it be set."""
        self.set(voice_url="")
        looking = self.examined()
        self.carrier.account.auth_token = "another"
        mending = Deferred.fromCoroutine(mended(looking))
        self.passes(10)
        found = [each for each in self.successResultOf(mending) if each.check == "number"]
        self.assertEqual([each.verdict for each in found], [FAIL])
        self.assertIn("not set: ", found[0].says)


class AgentTests(DoctorHouse):
    """Agents at ElevenLabs."""

    def set(self, **changes: Any) -> None:
        """Somebody sets this at elevenlabs.io."""
        self.vendor.agent = attrs.evolve(self.vendor.agent, **changes)

    def test_mended(self) -> None:
        """Formats, authentication, overrides and events are set, and nothing else."""
        self.set(output_format="pcm_16000", input_format="pcm_16000", public=True, overrides=["agent.language"],
                 client_events=("audio", "ping", "conversation_initiation_metadata"))  # fmt: skip
        self.assert_found("agent formats", FAIL, "speaks pcm_16000")
        self.assert_found("agent authentication", FAIL, "at your expense")
        self.assert_found("agent overrides", FAIL, "agent.prompt.prompt, tts.voice_id", "1008")
        self.assert_found("agent events", FAIL, "interruption is not sent")
        found = [each for each in self.examined(fix=True) if each.check.startswith("agent")]
        self.assertEqual([(each.verdict, "set now; before: " in each.says) for each in found], [(PASS, True)] * 4)
        self.assertIn("pcm_16000", found[0].says)
        agent = self.vendor.agent
        self.assertEqual((agent.output_format, agent.input_format, agent.public), ("ulaw_8000", "ulaw_8000", False))
        self.assertEqual(set(agent.overrides), {"agent.language", "agent.prompt.prompt", "tts.voice_id"})
        self.assertEqual(
            set(agent.client_events or ()), {"audio", "ping", "conversation_initiation_metadata", "interruption"}
        )

    def test_no_switch(self) -> None:
        """Of what its API has no switch for nothing is said; `client_events` of ours hold instead of its own."""
        events = "[audio, interruption, conversation_initiation_metadata]"
        self.settings((f"{API_KEY}, ", f"{API_KEY}, client_events: {events}, "))
        self.assert_found("agent overrides", PASS, "of conversation.client_events its API does not tell")
        self.set(client_events=())
        self.assert_found("agent events", PASS, "`client_events` says which")

    def test_refused(self) -> None:
        """A key that may not, an agent that is not there, an answer that is none, a vendor that is down."""
        for status, says in ((401, "does not accept this api_key"), (404, "knows no agent"), (500, "trouble of its")):
            self.vendor.dashboard.fail(status)
            self.assert_found("agent formats", FAIL, says)
        self.vendor.dashboard.fail(200, body="nonsense")
        self.assert_found("agent formats", FAIL, "not with an agent's settings")
        self.network.forget("api.elevenlabs")
        self.assert_found("agent formats", UNASKED, "refused the connection")

    def test_not_set(self) -> None:
        """What could not be set is told."""
        self.set(output_format="pcm_16000")
        looking = self.examined()
        self.vendor.dashboard.fail(403)
        mending = Deferred.fromCoroutine(mended(looking))
        self.passes(10)
        found = next(each for each in self.successResultOf(mending) if each.check == "agent formats")
        self.assertEqual(found.verdict, FAIL)
        self.assertIn("not set: ", found.says)

    def test_public(self) -> None:
        """An agent without a key of ours is not shown to us."""
        self.settings((f"api_key: {API_KEY}, ", ""))
        self.assert_found("agent formats", UNASKED, "no `api_key`")


class ClockTests(DoctorHouse):
    """This machine's clock."""

    def test_clock(self) -> None:
        """Seconds of difference, less what cannot be known of them."""
        self.assertEqual(judged(2.0, 0.5, "").verdict, PASS)
        self.assertEqual(judged(5.4, 0.5, "").verdict, PASS)
        self.assertIn("61 s behind", judged(61.0, 0.5, "").says)
        self.assertIn("7 s ahead", judged(-7.0, 0.5, "").says)

    def test_asked(self) -> None:
        """Twilio's clock; where it is silent, ElevenLabs'; where nobody tells, nothing is known."""
        self.assert_found("clock", PASS, "right within")
        self.servers_ahead = -60
        self.assert_found("clock", FAIL, "s ahead", "timedatectl")
        self.network.forget("api.twilio")
        self.assertEqual(self.found("clock").about, "https://api.elevenlabs")
        self.network.forget("api.elevenlabs")
        self.assert_found("clock", UNASKED, "nobody tells the time")

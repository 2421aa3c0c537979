"""Whole calls with ElevenLabs on the line: both vendors are doubles, and everything between them is real."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs
from twisted.web.server import Site
from twisted.web.util import Redirect

from tests.agent_schema import available, documented
from tests.agents import FakeTool
from tests.house import flow, say
from tests.vendor_calls import PAUSE, SECRET_PROMPT, VendorCalls
from voiced.agents.elevenlabs import Settings, make
from voiced.call.audio import to_linear
from voiced.call.records import Ending
from voiced.call.template import Template
from voiced.errors import ToolFailed
from voiced.ivoiced import Brief, Outcome, ToolResult
from voiced.secret import Secret
from voiced.simulator.elevenlabs import AGENT_ID, API_KEY, ElevenLabs
from voiced.simulator.vendors.elevenlabs_agent import Agent as Hosted
from voiced.simulator.vendors.elevenlabs_script import AwaitsQuiet, Ends, Fails, Hears, Says, Waits
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fake_line import FakeLine
from voiced.testing.fakes import spell

HOST = "api.elevenlabs.io"


class ElevenLabsCalls(VendorCalls):
    """With ElevenLabs' double."""

    host = HOST
    secrets = (API_KEY, "conversation_signature", "cvtkn_")

    def setUp(self):
        """The vendor moves in, too."""
        super().setUp()
        check = documented if available() else lambda direction, message: None
        self.vendor = ElevenLabs(
            self.clock, public_url=f"wss://{HOST}", voice=lambda text: spell(text) + PAUSE, check=check
        )
        site = self.vendor.site()
        site.log = lambda request: None  # the vendor's own access log has the URLs that it was asked for
        self.network.listen(HOST, site)

    @property
    def talks(self):
        """See VendorCalls."""
        return self.vendor.conversations

    def agent(self, **settings):
        """See VendorCalls."""
        return make(Settings(**{"agent_id": AGENT_ID, "api_key": Secret(API_KEY)} | settings), self.equipment)


class GoodCalls(ElevenLabsCalls):
    def test_conversation(self):
        """The agent greets, hears, answers and ends; the record has every word and the vendor's name for it."""
        call = self.calls(Says("Good day."), AwaitsQuiet(), Hears("Hello."), Says("Goodbye."), AwaitsQuiet(), Ends())
        agent = self.ends_with(call, Ending.COMPLETED, "Hi.", "Good day.", "Goodbye.", "Bye.")
        said = [(line["who"], line["text"]) for line in agent["transcript"]]
        self.assertEqual(said, [("agent", "Good day."), ("caller", "Hello."), ("agent", "Goodbye.")])
        self.assertEqual((agent["conversation"], agent["outcome"]), (self.talk.id, "completed"))

    def test_hears_every_word(self):
        """What the caller says reaches the vendor byte by byte, from the moment the line was handed over."""
        call = self.calls(Waits(2.0), Ends())
        call.speak(spell("A table for two, please"))
        self.passes(1.5)
        self.assertEqual(self.talk.audio.strip(b"\xff"), spell("A table for two, please"))
        call.hang_up()

    def test_initiation(self):
        """The agent is told who calls and what the flow says of this conversation, and nothing that is not set."""
        self.vendor.agent = Hosted(overrides=("agent.first_message", "agent.language"))
        call = self.calls(Ends(), first_message=Template.parse("Hello {call.caller}."), language="de")
        self.passes(0.5)
        told = self.talk.initiation
        override = {"agent": {"first_message": "Hello +14155550100.", "language": "de"}}
        self.assertEqual(told["conversation_config_override"], override)
        self.assertEqual(told["dynamic_variables"]["caller"], "+14155550100")
        self.assertEqual(told["dynamic_variables"]["call_sid"], call.sid)
        self.ends_with(call, Ending.COMPLETED, "Hi.", "Bye.")

    def test_private_facts(self):
        """What only the flow may know, and the notes of its steps, the vendor is not told."""
        self.lives_in(flow({"a": [say("Hi.")]}))
        call = FakeCall(clock=self.clock)
        call.facts |= {"pin": "4711", "order": "12", "queue.since of queue 1": "3"}
        call.private.add("pin")
        conversing = self.agent().converse(FakeLine(self.clock), call, Brief())
        self.passes(2)
        told = self.talk.initiation["dynamic_variables"]
        self.assertEqual((told["order"], "4711" in told.values()), ("12", False))
        self.assertEqual([name for name in told if " " in name], [])
        conversing.cancel()
        self.failureResultOf(conversing, CancelledError)

    def test_public_agent(self):
        """An agent that talks to everybody needs no key and no signed URL."""
        self.vendor.agent = Hosted(public=True)
        call = self.calls(Says("Hey."), AwaitsQuiet(), Ends(), settings={"api_key": None})
        self.ends_with(call, Ending.COMPLETED, "Hi.", "Hey.", "Bye.")
        self.assertEqual([asked.path for asked in self.vendor.requests], ["/v1/convai/conversation"])

    def test_both_shapes_of_audio(self):
        """Audio as the old examples show it is heard as well; event ids may begin at 0."""
        self.vendor.agent = Hosted(first_event=0)
        call = self.calls()
        self.talk.says("Old.", legacy=True)
        self.passes(1)
        self.talk.says("New.")
        self.passes(1)
        self.talk.ends()
        self.ends_with(call, Ending.COMPLETED, "Hi.", "Old.", "New.", "Bye.")

    def test_event_id_0(self):
        """A ping with the event id 0 is answered at once, and audio with it is heard."""
        self.vendor.agent = Hosted(first_event=0)
        call = self.calls()
        self.talk.pings(0, ping_ms=5000)
        self.passes(0)
        self.assertEqual(self.talk.pongs, [0])
        self.talk.says("Null.", event_id=0)
        self.passes(1)
        self.talk.ends()
        self.ends_with(call, Ending.COMPLETED, "Hi.", "Null.", "Bye.")

    def test_pcm(self):
        """An agent that was set to PCM is understood, and understands: both ways are converted."""
        self.vendor.agent = Hosted(output_format="pcm_8000", input_format="pcm_8000")
        call = self.calls()
        self.talk.says("Pcm.")
        call.speak(spell("Yes"))
        self.passes(1)
        self.talk.ends()
        self.ends_with(call, Ending.COMPLETED, "Hi.", "Pcm.", "Bye.")
        self.assertIn(to_linear(spell("Yes")), bytes(self.talk.audio))

    def test_keys(self):
        """A key reaches the agent as text that it need not answer; the newest note takes the former one's place."""
        call = self.calls()
        call.press("12")
        self.passes(0.1)
        notes = [note["text"][-3:] for note in self.talk.context]
        self.assertEqual((notes, len({note["context_id"] for note in self.talk.context})), ([": 1", "1 2"], 1))
        call.hang_up()

    def test_tool(self):
        """The agent calls a tool of ours, and gets its result."""
        tool = FakeTool(ToolResult("Sunny."))
        call = self.calls(tools={"weather": tool})
        result = self.talk.calls_tool("weather", {"city": "Rome"})
        self.passes(0)
        self.assertEqual((self.successResultOf(result).result, tool.arguments), ("Sunny.", [{"city": "Rome"}]))
        call.hang_up()

    def test_tools_that_fail(self):
        """A tool that is not there, that breaks or that takes too long gives the agent an error, never silence."""
        broken, slow = FakeTool(ToolFailed("no weather today")), FakeTool(Deferred(), timeout=1.0)
        call = self.calls(tools={"broken": broken, "slow": slow})
        results = [self.talk.calls_tool(name, call_id=name) for name in ("unknown", "broken", "slow")]
        self.passes(1.1)
        for result, said in zip(results, ("no tool", "no weather today", "within 1 s"), strict=True):
            answer = self.successResultOf(result)
            self.assertTrue(answer.is_error)
            self.assertIn(said, answer.result)
        call.hang_up()

    def test_hangs_up(self):
        """A tool that ends the call: the goodbye that follows it is heard to its last word before."""
        call = self.calls(tools={"hang_up": FakeTool(ToolResult("Say goodbye.", leave=Outcome("hung_up")))})
        self.talk.calls_tool("hang_up")
        self.passes(0.8)
        self.talk.says("Goodbye, and thank you for calling")
        agent = self.ends_with(call, Ending.AGENT_ENDED, "Hi.", "Goodbye, and thank you for calling")
        self.assertEqual((agent["outcome"], agent["transcript"][0]["text"][-7:]), ("hung_up", "calling"))

    def test_handover(self):
        """A tool that hands over ends the conversation even though the agent says no more."""
        leave = ToolResult("You are leaving.", leave=Outcome("handover", {"reason": "asked"}))
        call = self.calls(tools={"transfer_call": FakeTool(leave)})
        self.talk.calls_tool("transfer_call")
        agent = self.ends_with(call, Ending.COMPLETED, "Hi.", "Bye.")
        self.assertEqual(agent["outcome"], "handover")

    def test_agent_closes_first(self):
        """An agent that ends the conversation with its own tool is heard to its last word, then the flow goes on."""
        call = self.calls()
        self.talk.says("That was all from me")
        self.talk.ends()
        self.passes(0.2)
        self.assertEqual(len(self.vendor.conversations), 1)
        self.ends_with(call, Ending.COMPLETED, "Hi.", "That was all from me", "Bye.")

    def test_plain_close(self):
        """A close with 1000 and no word before it is an end in order."""
        call = self.calls(Says("Bye now."))
        self.talk.closes(1000)
        agent = self.ends_with(call, Ending.COMPLETED, "Hi.", "Bye now.", "Bye.")
        self.assertEqual(agent["outcome"], "completed")


class InterruptedCalls(ElevenLabsCalls):
    def test_nothing_stale(self):
        """The agent is silenced in the same moment, and what was in flight on both ways is not heard."""
        call = self.calls()
        self.talk.says("one two three four", pieces=9, pace=0.05)
        self.passes(0.3)
        call.speak(spell("Stop"))
        self.talk.interrupts()
        cleared = self.clock.seconds()
        self.talk.says("stale", event_id=1)
        self.passes(0.3)
        self.talk.says("Sorry.", event_id=7)
        self.passes(1)
        heard = self.read(call)
        self.assertEqual([heard[0], heard[-1]], ["Hi.", "Sorry."])
        self.assertTrue("one two three".startswith(heard[1].strip()), heard)
        self.assertEqual(len(heard), 3)
        clears = [entry.time for entry in call.sheet if entry.what == "clear"]
        self.assertEqual([round(at + call.rang_at - cleared, 3) for at in clears], [0.0])
        call.hang_up()

    def test_old_marks(self):
        """Marks that a clear gives back do not count: the transcript has what was heard."""
        call = self.calls()
        self.talk.says("one two three four")
        self.passes(0.42)
        self.talk.interrupts()
        self.passes(0.5)
        self.talk.ends()
        agent = self.ends_with(call, Ending.COMPLETED, "Hi.", "one two ", "Bye.")
        self.assertEqual([line["text"] for line in agent["transcript"]], ["one two…"])

    def test_correction(self):
        """The vendor's own word on what it had said is taken."""
        call = self.calls()
        self.talk.says("one two three four")
        self.passes(0.3)
        self.talk.interrupts()
        self.talk.corrects("one two three four", "one two")
        self.talk.hears("Wait.")
        self.passes(0.2)
        self.talk.ends()
        agent = self.ends_with(call, Ending.COMPLETED, "Hi.", "one tw", "Bye.")
        self.assertEqual([line["text"] for line in agent["transcript"]], ["one two", "Wait."])

    def test_by_our_own_ears(self):
        """With `barge_in: local` our own ears are first; the rest of that answer is dropped, the next is heard."""
        self.own_ears = FakeHearing(self.clock)
        call = self.calls()
        self.talk.says("one two three four", pieces=4, pace=0.3)
        self.passes(0.2)
        call.speak(spell("stop it now please"))
        self.passes(1.5)
        self.talk.hears("stop it now please")
        self.talk.says("Right.")
        self.passes(1)
        heard = self.read(call)
        self.assertEqual((heard[0], heard[-1]), ("Hi.", "Right."))
        self.assertNotIn("four", "".join(heard))
        call.hang_up()


class FailingCalls(ElevenLabsCalls):
    """However the vendor fails, the caller hears the fallback, the flow its branch, and the operator why."""

    def test_key(self):
        """A key that is wrong, an agent that is not there, a plan that is used up: each by its name."""
        for status, word in [(401, "api_key"), (402, "credits"), (404, "agent_id"), (429, "plan"), (503, "status.")]:
            self.vendor.signed_url.fail(status)
            call = self.calls()
            self.fails(call, word)
            self.assert_filled_within(call, 0.3)

    def test_redirected(self):
        """An answer that leads elsewhere is not followed: the key goes where voiced.yaml says."""
        self.network.forget(HOST)
        self.network.listen(HOST, Site(Redirect(b"http://elsewhere/"), reactor=self.clock))
        elsewhere = ElevenLabs(self.clock)
        self.network.listen("elsewhere", elsewhere.site())
        self.fails(self.calls(), "base_url redirects elsewhere")
        self.assertEqual(elsewhere.requests, [])

    def test_signed_url_never_comes(self):
        """Two seconds for all of the beginning; then the request is given up, too."""
        self.vendor.signed_url.fail(None)
        call = self.calls()
        self.fails(call, "not there within 2 s")
        self.assert_filled_within(call, 2.1)

    def test_all_of_it_late(self):
        """Signed URL, connection and metadata are late together, though none of them alone."""
        self.vendor.signed_url.after = 1.0
        self.vendor.agent = Hosted(metadata_after=1.2)
        call = self.calls()
        self.fails(call, "not there within 2 s")
        self.assert_filled_within(call, 2.1)

    def test_late_but_in_time(self):
        """What the caller says while the agent takes its time is not lost."""
        self.vendor.signed_url.after = 0.8
        self.vendor.agent = Hosted(metadata_after=0.8)
        call = self.calls()
        call.speak(spell("Hello"))
        self.passes(2)
        self.assertIn(spell("Hello"), bytes(self.talk.audio))
        call.hang_up()

    def test_no_metadata(self):
        """A socket that opens and then says nothing is no agent."""
        self.vendor.agent = Hosted(metadata_after=None)
        self.fails(self.calls(), "not there within 2 s")

    def test_refused(self):
        """Nobody listens there."""
        self.network.refuse(HOST)
        self.fails(self.calls(), "refused the connection")
        self.network.accept(HOST)

    def test_swallowed(self):
        """A firewall that says nothing."""
        self.network.swallow(HOST)
        call = self.calls()
        self.fails(call, "not there within 2 s")
        self.assert_filled_within(call, 2.1)
        self.network.accept(HOST)

    def test_handshake_refused(self):
        """A socket that is refused by HTTP."""
        self.vendor.agent = Hosted(refuse=403)
        self.fails(self.calls(), "403")

    def test_quota(self):
        """A plan that is used up is counted as such, wherever the vendor says it: at its door, and at its socket."""
        for ways in ({"refuse": 402}, {}):
            self.vendor.agent = Hosted(**ways)
            if not ways:
                self.vendor.signed_url.fail(402)
            self.fails(self.calls(), "credits")
            count = self.daemon.metrics.registry.get_sample_value
            kinds = [count("voiced_agent_errors_total", {"kind": kind}) for kind in ("quota", "refused")]
            self.assertEqual(kinds, [1, 0])

    def test_override_not_allowed(self):
        """An override that the agent does not allow: the operator reads which page to open; no prompt is logged."""
        call = self.calls(prompt=Template.parse(SECRET_PROMPT))
        agent = self.fails(call, "Security")
        self.assertNotIn("spy", agent["error"])

    def test_missing_variable(self):
        """A variable of the agent's prompt that the flow does not give."""
        self.vendor.agent = Hosted(variables=("favourite_colour",))
        self.fails(self.calls(), "variable")

    def test_wrong_format(self):
        """A format that nobody can make mu-law of: the operator reads which setting to change."""
        self.network.forget(HOST)
        self.vendor = ElevenLabs(self.clock, public_url=f"wss://{HOST}")  # the contract knows no such format
        self.network.listen(HOST, self.vendor.site())
        self.vendor.agent = Hosted(output_format="mp3_44100")
        self.fails(self.calls(), "8000 Hz")

    def test_dies_in_a_word(self):
        """What was said is heard; then the fallback."""
        call = self.calls()
        self.talk.says("I was about to")
        self.passes(0.1)
        self.talk.drops()
        self.fails(call, "lost", heard=("I was about to",))

    def test_crashes(self):
        """An error of theirs, and the close that follows."""
        call = self.calls(Fails(1011, "unknown_websocket_crash"))
        self.fails(call, "trouble of its own")

    def test_stalls(self):
        """An agent that was spoken to and gives no answer."""
        call = self.calls()
        self.talk.hears("Is anybody there?")
        self.talk.stalls()
        self.fails(call, "not answered for 10 s")

    def test_network_dies(self):
        """A network that is silently gone is noticed; the caller is not left in it."""
        call = self.calls()
        self.talk.stalls(deaf=True)
        self.talk.hears("lost")
        self.passes(40)
        self.assertTrue(call.over)

    def test_floods(self):
        """More than ten minutes of speech ahead is no conversation: it is silenced, and the flow goes on at once."""
        call = self.calls()
        self.talk.floods()
        self.passes(20)
        self.assertTrue("".join(self.read(call)).endswith("Nobody.Sorry."))
        self.assertLess(len(call.heard.rstrip(b"\xff")) / 8000, 15)
        self.assertIn("10 minutes", self.assert_ended(call, Ending.COMPLETED)["agents"][0]["error"])

    def test_huge_message(self):
        """Nor is a message of more than 16 MiB."""
        call = self.calls()
        self.talk.floods(17 * 1024 * 1024)
        self.fails(call, "16 MiB")

    def test_nonsense(self):
        """What is not understood is logged once for each kind, and ignored."""
        call = self.calls()
        with capturedLogs() as logs:
            for raw in (
                "no JSON",
                '{"type": "brand_new"}',
                '{"type": "brand_new"}',
                b"\xff\xfe",
                '{"type": "audio"}',
                "[1]",
            ):
                self.talk.sends(raw)
            self.passes(0.1)
        kinds = [event["kind"] for event in logs if "kind" in event]
        self.assertEqual(len(kinds), len(set(kinds)))
        self.assertIn("brand_new", kinds)
        self.talk.says("Still here.")
        self.passes(1)
        self.talk.ends()
        self.ends_with(call, Ending.COMPLETED, "Hi.", "Still here.", "Bye.")


class LeavingCalls(ElevenLabsCalls):
    """The caller hangs up at the worst moment: `tearDown` sees that nothing is left open at the vendor."""

    def test_while_it_connects(self):
        """At any moment of the agent's coming."""
        self.vendor.signed_url.after = 0.3
        self.vendor.agent = Hosted(metadata_after=0.3)
        for moment in range(0, 70, 3):
            call = self.calls(Says("Hello."))
            self.passes(moment / 100)
            call.hang_up()
            self.passes(3)
            self.assert_ended(call, Ending.CALLER_HUNG_UP)
            self.assertEqual([talk.id for talk in self.vendor.conversations if talk.closed is None], [])

    def test_in_silence(self):
        """While the vendor's port swallows every packet."""
        self.network.swallow(HOST)
        call = self.calls()
        call.hang_up()
        self.passes(3)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)

    def test_during_a_word(self):
        """In the middle of a word."""
        call = self.calls(Says("one two three four", pieces=9, pace=0.1))
        call.hang_up()
        self.passes(3)
        agent = self.assert_ended(call, Ending.CALLER_HUNG_UP)["agents"][0]
        self.assertEqual(agent["outcome"], "cut off")
        self.assertEqual(self.talk.closed.code, 1000)

    def test_during_a_tool(self):
        """While a tool works: it is cancelled."""
        cancelled = []
        call = self.calls(tools={"slow": FakeTool(Deferred(cancelled.append))})
        self.talk.calls_tool("slow")
        self.passes(0.1)
        call.hang_up()
        self.passes(3)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual(len(cancelled), 1)

    def test_daemon_stops(self):
        """A daemon that stops takes the line back."""
        call = self.calls()
        self.talk.says("One moment")
        self.passes(0.1)
        self.daemon.drain()
        self.ends_with(call, Ending.DRAINED, "Hi.", "One moment", "Goodbye.")

"""Whole calls with OpenAI on the line: both vendors are doubles, and everything between them is real."""

import json
from base64 import b64encode

import attrs
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs, formatEvent

from tests.agents import FakeTool
from tests.house import flow, say
from tests.openai_schema import documented
from tests.vendor_calls import PAUSE, SECRET_PROMPT, VendorCalls
from voiced.agents.openai import SESSION_SECONDS, Settings, make
from voiced.call.records import Ending
from voiced.call.template import Template
from voiced.errors import ToolFailed
from voiced.ivoiced import Brief, Outcome, ToolResult
from voiced.secret import Secret
from voiced.simulator.openai import API_KEY, Call, Model, OpenAI, Reply
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fake_line import FakeLine
from voiced.testing.fakes import spell

HOST = "api.openai.com"
HANGS_UP = ToolResult("The call ends now.", leave=Outcome("hung_up"))


class OpenAICalls(VendorCalls):
    """With OpenAI's double."""

    host = HOST
    secrets = (API_KEY,)

    def setUp(self):
        """The vendor moves in, too."""
        super().setUp()
        self.vendor = OpenAI(self.clock, voice=lambda text: spell(text) + PAUSE, check=documented)
        self.network.listen(HOST, self.vendor.site())

    def tearDown(self):
        """The vendor had nothing to complain about, either."""
        super().tearDown()
        self.assertEqual([fault for session in self.vendor.sessions for fault in session.faults], [])

    @property
    def talks(self):
        """See VendorCalls."""
        return self.vendor.sessions

    def agent(self, **settings):
        """See VendorCalls."""
        return make(Settings(**{"api_key": Secret(API_KEY)} | settings), self.equipment)

    def got(self, *kinds):
        """What the vendor got of these types, in order."""
        return [message for message in self.talk.received if message["type"] in kinds]

    def says(self, text, **how):
        """The model says this, without being asked, when there is quiet; it is heard."""
        self.talk.replies_with(Reply(text, **how))
        self.passes(len(text) * 0.05 + 0.2)


class GoodCalls(OpenAICalls):
    def test_conversation(self):
        """The model greets when it is asked to, hears, answers and hangs up; the record has every word."""
        goodbye = Reply("Goodbye.", calls=[Call("hang_up")])
        call = self.calls(Reply("Good day."), goodbye, tools={"hang_up": FakeTool(HANGS_UP)})
        self.passes(0.5)
        self.talk.speech_started()
        self.talk.hears("Hello.")
        agent = self.ends_with(call, Ending.AGENT_ENDED, "Hi.", "Good day.", "Goodbye.")
        self.assertEqual(self.said(agent), [("agent", "Good day."), ("caller", "Hello."), ("agent", "Goodbye.")])
        self.assertEqual((agent["conversation"], agent["outcome"]), (self.talk.id, "hung_up"))

    def test_asked_to_greet(self):
        """The session is set before anything else, and the model is asked once to speak, in the words it is given."""
        call = self.calls(Reply("Hello."), first_message=Template.parse("Hello {call.caller}."))
        self.assertEqual([message["type"] for message in self.talk.received], ["session.update", "response.create"])
        self.assertIn("Hello +14155550100.", self.got("response.create")[0]["response"]["instructions"])
        self.assertEqual(self.talk.query["model"], "gpt-realtime-2.1")
        call.hang_up()

    def test_caller_begins(self):
        """A model that is not to greet is not asked to; the caller speaks first."""
        call = self.calls(Reply("Hello."), settings={"greet": False})
        self.assertEqual(self.got("response.create"), [])
        self.talk.hears("Is anybody there?")
        self.passes(1)
        self.assert_heard(call, "Hi.", "Hello.")
        call.hang_up()

    def test_session(self):
        """The model is told who it is and what is known, in telephone audio both ways, and which tools it has."""
        call = self.calls(
            settings={"prompt": Template.parse("Be brief.")},
            tools={"weather": FakeTool(ToolResult("Sunny."))},
            language="de",
        )
        session = self.talk.config
        self.assertIn("Be brief.", session["instructions"])
        self.assertIn("'de'", session["instructions"])
        formats = [session["audio"][way]["format"] for way in ("input", "output")]
        self.assertEqual(formats, [{"type": "audio/pcmu"}] * 2)
        self.assertEqual([tool["name"] for tool in session["tools"]], ["weather"])
        call.hang_up()

    def test_hears_every_word(self):
        """What the caller says reaches the vendor byte by byte, and nothing before the session knows the format."""
        call = self.calls()
        call.speak(spell("A table for two, please"))
        self.passes(1.5)
        self.assertEqual(self.talk.audio.strip(b"\xff"), spell("A table for two, please"))
        self.assertEqual(self.talk.early, 0)
        call.hang_up()

    def test_hears_what_was_said_while_it_came(self):
        """What the caller says while the model takes its time is not lost, and nothing of it comes too early."""
        self.vendor.model = Model(created_after=0.7, updated_after=0.9)
        call = self.calls()
        call.speak(spell("Hello, are you there"))
        self.passes(2)
        self.assertIn(spell("Hello, are you there"), bytes(self.talk.audio))
        self.assertEqual(self.talk.early, 0)
        call.hang_up()

    def test_listens_itself(self):
        """A model that listens to the audio alone notices the caller, and answers."""
        self.vendor.model = Model(listens=True)
        call = self.calls(Reply("Good day."), Reply("At seven.", heard="When?"))
        self.passes(0.7)
        call.speak(spell("When?"))
        self.passes(2)
        self.assert_heard(call, "Hi.", "Good day.", "At seven.")
        call.hang_up()
        self.passes(1)
        agent = self.assert_ended(call, Ending.CALLER_HUNG_UP)["agents"][0]
        self.assertEqual([text for who, text in self.said(agent) if who == "caller"], ["When?"])

    def test_keys(self):
        """A key is text for the model, which need not answer it."""
        call = self.calls()
        call.press("4#")
        self.passes(0.1)
        texts = [item["content"][0]["text"] for item in self.talk.created]
        self.assertEqual([text.partition("pressed ")[2][0] for text in texts], ["4", "#"])
        self.assertEqual(len(self.got("response.create")), 1)
        call.hang_up()

    def test_late_transcript(self):
        """What the caller said may be understood later than it is answered."""
        call = self.calls(Reply("Hello."), Reply("At seven."))
        self.passes(0.3)
        self.talk.speech_started()
        self.talk.hears("When?", late=True)
        self.passes(1)
        self.assert_heard(call, "Hi.", "Hello.", "At seven.")
        call.hang_up()
        self.passes(1)
        agent = self.assert_ended(call, Ending.CALLER_HUNG_UP)["agents"][0]
        self.assertEqual(set(self.said(agent)), {("agent", "Hello."), ("caller", "When?"), ("agent", "At seven.")})

    def test_seconds(self):
        """The flow's own limit; what was being said is heard to its end."""
        call = self.calls(Reply("I was only going to"), seconds=0.8)
        agent = self.ends_with(call, Ending.COMPLETED, "Hi.", "I was only going to", "Bye.")
        self.assertEqual(agent["outcome"], "timeout")

    def test_expires(self):
        """A session that the vendor ends at its time is no failure; what was said is heard."""
        self.vendor.model = Model(lasts=1.0)
        call = self.calls(Reply("It was so nice to talk with you"))
        agent = self.ends_with(call, Ending.COMPLETED, "Hi.", "It was so nice to talk with you", "Bye.")
        self.assertEqual(agent["outcome"], "timeout")

    def test_closed_in_order(self):
        """A close with 1000 is an end in order."""
        call = self.calls(Reply("Farewell."))
        self.talk.closes(1000)
        agent = self.ends_with(call, Ending.COMPLETED, "Hi.", "Farewell.", "Bye.")
        self.assertEqual(agent["outcome"], "completed")


class LongCalls(OpenAICalls):
    def setUp(self):
        """An empty house: a caller who is silent for an hour would send 180,000 frames."""
        super().setUp()
        self.lives_in(flow({"start": [say("Hi.")]}))

    def test_55_minutes(self):
        """Five minutes before the vendor would hang up without a word, the conversation ends as `timeout`."""
        line = FakeLine(self.clock)
        talking = self.agent().converse(line, FakeCall(clock=self.clock), Brief())
        self.passes(SESSION_SECONDS - 1)
        self.assertTrue(line.is_ready)
        self.assertNoResult(talking)
        self.passes(1.1)
        self.assertEqual(self.successResultOf(talking).name, "timeout")
        self.passes(1)
        self.assertEqual((self.talk.closed.code, self.talk.closed.ours), (1000, False))


class ToolCalls(OpenAICalls):
    def uses(self, tools, *calls, text=""):
        """The model wants these tools used, after saying this; gives what it was answered, by call."""
        call = self.calls(Reply("Hello."), Reply("So."), tools=tools)
        self.passes(0.3)
        self.talk.replies_with(Reply(text, calls=[Call(name, arguments, name) for name, arguments in calls]))
        self.passes(1.2)
        return call, {output.call_id: output.output for output in self.talk.tool_outputs}

    def test_tool(self):
        """The model calls a tool of ours, gets its result, and is asked to go on once."""
        tool = FakeTool(ToolResult("Sunny."))
        call, answers = self.uses({"weather": tool}, ("weather", {"city": "Rome"}))
        self.assertEqual((answers, tool.arguments), ({"weather": "Sunny."}, [{"city": "Rome"}]))
        self.assertEqual(len(self.got("response.create")), 2)
        self.assert_heard(call, "Hi.", "Hello.", "So.")
        call.hang_up()

    def test_several(self):
        """Of several tools at once each is answered, and the model is asked once."""
        tools = {name: FakeTool(ToolResult(name)) for name in ("one", "two", "three")}
        call, answers = self.uses(tools, *((name, {}) for name in tools))
        self.assertEqual(answers, {name: name for name in tools})
        self.assertEqual(len(self.got("response.create")), 2)
        call.hang_up()

    def test_tools_that_fail(self):
        """A tool that is not there, or that breaks, gives the model an error in words, and it goes on."""
        broken = FakeTool(ToolFailed("no weather today"))
        call, answers = self.uses({"broken": broken}, ("unknown", {}), ("broken", {}))
        self.assertIn("no tool", answers["unknown"])
        self.assertIn("no weather today", answers["broken"])
        self.assert_heard(call, "Hi.", "Hello.", "So.")
        call.hang_up()

    def test_slow_tool(self):
        """A tool that takes too long is an error in words, too; nobody waits for it."""
        call, answers = self.uses({"slow": FakeTool(Deferred(), timeout=0.5)}, ("slow", {}))
        self.assertIn("within 0.5 s", answers["slow"])
        self.assert_heard(call, "Hi.", "Hello.", "So.")
        call.hang_up()

    def test_arguments_that_are_none(self):
        """Arguments that are no JSON object are the model's fault, and it is told so."""
        call = self.calls(Reply("Hello."), tools={"weather": FakeTool(ToolResult("Sunny."))})
        self.talk.add(attrs.evolve(next(iter(self.talk.items.values())), id="item_x", type="function_call"), "call_x")
        item = {"type": "function_call", "call_id": "call_x", "name": "weather", "arguments": "[", "id": "item_x",
                "status": "completed"}  # fmt: skip
        self.talk.sends(json.dumps({"type": "response.output_item.done", "item": item}))
        self.passes(0.2)
        self.assertIn("no JSON object", self.talk.tool_outputs[0].output)
        call.hang_up()

    def test_answers_while_it_works(self):
        """The caller speaks while a tool works: the model answers that first, and the result when there is quiet."""
        waiting = Deferred()
        call = self.calls(Reply("Hello."), Reply("Wait."), Reply("Sunny."), tools={"weather": FakeTool(waiting)})
        self.passes(0.3)
        self.talk.replies_with(Reply(calls=[Call("weather")]))
        self.passes(0.1)
        self.talk.speech_started()
        waiting.callback(ToolResult("Sunny."))
        self.passes(0.1)
        self.talk.hears("Hurry up.")
        self.passes(1.5)
        self.assert_heard(call, "Hi.", "Hello.", "Wait.", "Sunny.")
        call.hang_up()

    def test_hangs_up(self):
        """A tool that ends the call: the goodbye is heard to its last word, and the model is not asked to go on."""
        goodbye = "Goodbye, and thank you for calling"
        call, answers = self.uses({"hang_up": FakeTool(HANGS_UP)}, ("hang_up", {}), text=goodbye)
        self.assertEqual(answers, {"hang_up": "The call ends now."})
        agent = self.ends_with(call, Ending.AGENT_ENDED, "Hi.", "Hello.", goodbye)
        self.assertEqual(len(self.got("response.create")), 1)
        self.assertEqual((agent["outcome"], agent["transcript"][-1]["text"]), ("hung_up", goodbye))

    def test_goodbye_that_comes_later(self):
        """Words that the model begins after it has hung up are heard to their end all the same."""
        call, _ = self.uses({"hang_up": FakeTool(HANGS_UP)}, ("hang_up", {}))
        self.talk.replies_with(Reply("Goodbye then, dear caller", pieces=5, pace=0.2))
        self.ends_with(call, Ending.AGENT_ENDED, "Hi.", "Hello.", "Goodbye then, dear caller")

    def test_handover(self):
        """A tool that hands over ends the conversation even though the model says no more."""
        leave = ToolResult("You are leaving.", leave=Outcome("handover", {"reason": "asked"}))
        call, _ = self.uses({"transfer_call": FakeTool(leave)}, ("transfer_call", {}))
        agent = self.ends_with(call, Ending.COMPLETED, "Hi.", "Hello.", "Bye.")
        self.assertEqual(agent["outcome"], "handover")

    def test_slow_tool_is_no_silence(self):
        """While a tool works that may take longer than the caller may be silent, the conversation goes on."""
        call = self.calls(Reply("Hello."), Reply("So."), tools={"slow": FakeTool(Deferred(), timeout=15.0)})
        self.passes(0.3)
        self.talk.replies_with(Reply("One moment.", calls=[Call("slow", id="slow")]))
        self.passes(16)
        self.assert_heard(call, "Hi.", "Hello.", "One moment.", "So.")
        call.hang_up()

    def test_crossed(self):
        """The model begins to answer the caller while a result is on its way to it: that is answered, too."""
        waiting = Deferred()
        replies = Reply("Hello."), Reply("Wait.", pieces=2, pace=0.2), Reply("Sunny.")
        call = self.calls(*replies, tools={"weather": FakeTool(waiting)})
        self.passes(0.3)
        self.talk.replies_with(Reply(calls=[Call("weather")]))
        self.passes(0.1)
        self.talk.hears("Hurry up.")
        waiting.callback(ToolResult("Sunny."))
        self.passes(3)
        self.talk.faults.clear()
        self.assertEqual(self.read(call)[-1], "Sunny.")
        call.hang_up()

    def test_leaves_among_others(self):
        """A model that has hung up is not asked to go on because it has used another tool as well."""
        tools = {"weather": FakeTool(ToolResult("Sunny.")), "hang_up": FakeTool(HANGS_UP)}
        call, _ = self.uses(tools, ("weather", {}), ("hang_up", {}), text="Goodbye.")
        self.ends_with(call, Ending.AGENT_ENDED, "Hi.", "Hello.", "Goodbye.")
        self.assertEqual(len(self.got("response.create")), 1)


class InterruptedCalls(OpenAICalls):
    def clears(self, call):
        """When the carrier's queue was cleared, on the clock."""
        return [entry.time + call.rang_at for entry in call.sheet if entry.what == "clear"]

    def test_at_once(self):
        """The model notices the caller: its words are silenced in that moment, and it is told what was heard."""
        call = self.calls(Reply("one two three four", pieces=9, pace=0.05))
        self.passes(0.2)
        self.talk.speech_started()
        noticed = self.clock.seconds()
        self.passes(0.5)
        self.assertEqual([round(at - noticed, 3) for at in self.clears(call)], [0.0])
        heard = call.heard[call.heard.index(spell("o")) :].rstrip(b"\xff")
        [(_, ms)] = self.talk.truncations
        self.assertAlmostEqual(ms, len(heard) / 8, delta=20)
        self.assertTrue("one two three four".startswith(self.read(call)[1].strip()))
        call.hang_up()

    def test_transcript(self):
        """The record has what was heard of it."""
        call = self.calls(Reply("one two three four"))
        self.passes(0.2)
        self.talk.speech_started()
        self.talk.hears("Wait.")
        self.passes(0.2)
        call.hang_up()
        self.passes(1)
        agent = self.assert_ended(call, Ending.CALLER_HUNG_UP)["agents"][0]
        self.assertEqual(self.said(agent), [("agent", "one two…"), ("caller", "Wait.")])

    def test_queued(self):
        """Of what still waited in the queue nothing was heard, and the model knows it."""
        call = self.calls(Reply("one two three four"))
        self.talk.replies_with(Reply("five six"))
        self.talk.replies_with(Reply("seven"))
        self.passes(0.1)
        self.talk.speech_started()
        self.passes(0.1)
        first, *others = [ms for _, ms in self.talk.truncations]
        self.assertGreater(first, 100)
        self.assertEqual(others, [0, 0])
        call.hang_up()

    def test_no_more_than_came(self):
        """An item is never said to be longer than it came: what fills its last frame is ours."""
        call = self.calls(settings={"greet": False})
        self.talk.replies_with(Reply(audio=b"\x10" * 833))
        self.passes(0.11)
        self.talk.speech_started()
        self.passes(0.1)
        self.assertEqual([ms for _, ms in self.talk.truncations], [104])
        call.hang_up()

    def test_nothing_heard_to_its_end_is_cut(self):
        """What was heard to its end is not shortened when the caller speaks then."""
        call = self.calls(Reply("Hello."))
        self.passes(0.5)
        self.talk.speech_started()
        self.passes(0.1)
        self.assertEqual(self.talk.truncations, [])
        call.hang_up()

    def test_late_text(self):
        """A text that comes when its item was heard to the end is a line, and makes nothing of it unheard."""
        call = self.calls(settings={"greet": False})
        self.talk.replies_with(Reply("Yes.", stall_after=1))
        where = {"item_id": next(iter(self.talk.items)), "response_id": self.talk.active.id, "output_index": 0}
        self.talk.send("response.output_audio.done", content_index=0, **where)
        self.passes(1)
        self.talk.send("response.output_audio_transcript.done", content_index=0, transcript="Yes.", **where)
        self.talk.speech_started()
        self.passes(0.1)
        call.hang_up()
        self.passes(1)
        self.assertEqual(self.talk.truncations, [])
        self.assertEqual(self.said(self.assert_ended(call, Ending.CALLER_HUNG_UP)["agents"][0]), [("agent", "Yes.")])

    def test_late_pieces(self):
        """What was on its way of the interrupted item is not heard, nor a new item of that response."""
        call = self.calls(Reply("one two three four", pieces=3, pace=0.3))
        self.passes(0.1)
        item, response = next(iter(self.talk.items)), self.talk.active.id
        self.talk.speech_started()
        for late in (item, "item_new"):
            delta = {"delta": b64encode(spell("late")).decode(), "item_id": late, "response_id": response}
            self.talk.sends(json.dumps({"type": "response.output_audio.delta", "content_index": 0, **delta}))
        self.passes(0.2)
        self.says("Yes?")
        heard = self.read(call)
        self.assertEqual((len(heard), heard[2]), (3, "Yes?"))
        call.hang_up()

    def test_again_and_again(self):
        """Each interruption is told once, for what it has cut."""
        call = self.calls(Reply("one two three four"))
        for text in ("five six seven", "eight nine ten"):
            self.passes(0.2)
            self.talk.speech_started()
            self.talk.hears("No.")
            self.passes(0.2)
            self.talk.replies_with(Reply(text))
        self.passes(1)
        self.assertEqual(len(self.talk.truncations), 2)
        self.assertEqual(len({item for item, _ in self.talk.truncations}), 2)
        self.assertEqual(self.read(call)[-1], "eight nine ten")
        call.hang_up()


class OurOwnEars(OpenAICalls):
    def setUp(self):
        """`barge_in: local`."""
        super().setUp()
        self.own_ears = FakeHearing(self.clock)

    def test_stopped(self):
        """The model has not noticed: it is told to stop, and how much was heard; nothing more of that is heard."""
        call = self.calls(Reply("one two three four five six seven", pieces=8, pace=0.2))
        call.speak(spell("stop it now please"))
        self.passes(1.5)
        self.assertEqual([message["type"] for message in self.got("response.cancel")], ["response.cancel"])
        [(_, ms)] = self.talk.truncations
        heard = call.heard[call.heard.index(spell("o")) :].rstrip(b"\xff")
        self.assertAlmostEqual(ms, len(heard) / 8, delta=20)
        self.talk.hears("stop it now please")
        self.says("Right.")
        self.assertEqual(self.read(call)[-1], "Right.")
        self.assertNotIn("four", "".join(self.read(call)))
        call.hang_up()

    def test_all_was_sent(self):
        """A response that is all there is not cancelled, which would be an error; it is only shortened."""
        call = self.calls(Reply("one two three four five six seven eight"))
        call.speak(spell("stop it now please"))
        self.passes(1.5)
        self.assertEqual(self.got("response.cancel"), [])
        self.assertEqual(len(self.talk.truncations), 1)
        call.hang_up()

    def test_no_words(self):
        """A cough makes a pause, and the model never knows."""
        self.own_ears.texts = [""] * 9
        call = self.calls(Reply("one two three four five six seven eight"))
        call.speak(b"\x10" * 1600)
        self.passes(4)
        self.assertEqual((self.talk.truncations, self.got("response.cancel")), ([], []))
        self.assertEqual(self.read(call)[-1][-5:], "eight")
        call.hang_up()


class FailingCalls(OpenAICalls):
    """However the vendor fails, the caller hears the fallback, the flow its branch, and the operator why."""

    def test_key(self):
        """A key that is wrong is refused with the handshake."""
        call = self.calls(settings={"api_key": Secret("sk-wrong"), "prompt": Template.parse(SECRET_PROMPT)})
        self.fails(call, "401", "key")
        self.assert_filled_within(call, 0.3)

    def test_handshake_refused(self):
        """So may everything else be."""
        for status in (403, 404, 429, 500, 503):
            self.vendor.model = Model(refuse=status)
            self.fails(self.calls(), str(status))

    def test_refused_session(self):
        """A model that is not known, a quota that is used up, a country that is not served: each by its name."""
        wrongs = {"model_not_found": "`model`", "insufficient_quota": "credits", "unknown_parameter": "settings"}
        for code, word in wrongs.items():
            self.vendor.model = Model(updated_after=None)
            call = self.calls()
            self.talk.fails("You are a spy", code, "invalid_request_error")
            self.fails(call, word, code)

    def test_quota_in_the_middle(self):
        """The account may run dry during a conversation: a response fails, and so does the conversation."""
        error = {"error": {"type": "insufficient_quota", "code": "insufficient_quota"}}
        call = self.calls(Reply("Hello."))
        self.passes(0.3)
        self.talk.replies_with(Reply(status="failed", details=error))
        self.fails(call, "credits", heard=("Hello.",))

    def test_server_error(self):
        """An error of the server's leaves the session as it is; the operator reads of it."""
        call = self.calls(Reply("Hello."))
        self.passes(0.3)
        with capturedLogs() as logs:
            self.talk.fails()
            self.passes(0.1)
        self.assertEqual(
            [event["reason"] for event in logs if "reason" in event and "own" in event["reason"]][1:], []
        )
        self.assertTrue(any("status.openai.com" in (formatEvent(event) or "") for event in logs))
        self.says("Still here.")
        self.assert_heard(call, "Hi.", "Hello.", "Still here.")
        call.hang_up()

    def test_crashes(self):
        """A close with 1011 is trouble of theirs."""
        call = self.calls(Reply("Hello."))
        self.talk.closes(1011, "server_error")
        self.fails(call, "trouble of its own", heard=("Hello.",))

    def test_closed_with_a_reason(self):
        """A close that says why is named."""
        call = self.calls()
        self.talk.closes(3000, "invalid_request_error.invalid_api_key")
        self.fails(call, "api_key")

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

    def test_dies_in_a_word(self):
        """What was said is heard; then the fallback."""
        call = self.calls(Reply("I was about to", pieces=2, pace=5.0))
        self.passes(0.5)
        self.talk.drops()
        self.fails(call, "lost", heard=("I was ab",))

    def test_breaks_by_itself(self):
        """A connection that breaks between two pieces."""
        halves = spell("I was") + PAUSE + spell("about t")
        call = self.calls(Reply("I was about to", audio=halves, pieces=2, pace=0.3, break_after=1))
        self.fails(call, "lost", heard=("I was",))

    def test_never_created(self):
        """A session that is never set is none."""
        self.vendor.model = Model(created_after=None, updated_after=None)
        call = self.calls()
        self.fails(call, "not there within 2 s")
        self.assert_filled_within(call, 2.1)

    def test_late(self):
        """One that is set too late is none either; what comes afterwards harms nobody."""
        self.vendor.model = Model(created_after=1.0, updated_after=2.1)
        call = self.calls(Reply("Hello."))
        self.fails(call, "not there within 2 s")
        self.assert_filled_within(call, 2.1)

    def test_stalls(self):
        """A model that was spoken to and gives no answer."""
        call = self.calls(Reply("Hello."))
        self.passes(0.3)
        self.talk.speech_started()
        self.talk.hears("Is anybody there?")
        self.passes(0)
        self.talk.stalls()
        self.fails(call, "not answered for 10 s", heard=("Hello.",))

    def test_stalls_in_a_word(self):
        """A model that stops in the middle of a word: the caller who asks on is not left alone."""
        call = self.calls(Reply("Hello there", pieces=2, stall_after=1))
        self.passes(1)
        self.talk.speech_started()
        self.talk.hears("Go on?")
        self.passes(0)
        self.talk.stalls()
        self.fails(call, "not answered for 10 s", heard=("Hello ",))

    def test_network_dies(self):
        """A network that is silently gone is noticed; the caller is not left in it."""
        call = self.calls(Reply("Hello."))
        self.passes(0.5)
        self.talk.stalls(deaf=True)
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
        delta = '{"type": "response.output_audio.delta", "delta": "%", "item_id": "i", "response_id": "r"}'
        known = '{"type": "response.done"}', '{"type": "conversation.item.added", "item": 3}', delta
        with capturedLogs() as logs:
            for raw in ("no JSON", '{"type": "brand_new"}', '{"type": "brand_new"}', b"\xff\xfe", "[1]", *known):
                self.talk.sends(raw)
            self.passes(0.1)
        kinds = [event["kind"] for event in logs if "kind" in event]
        self.assertEqual(len(kinds), len(set(kinds)))
        self.assertIn("brand_new", kinds)
        self.says("Still here.")
        self.assert_heard(call, "Hi.", "Still here.")
        call.hang_up()


class LeavingCalls(OpenAICalls):
    """The caller hangs up at the worst moment: `tearDown` sees that nothing is left open at the vendor."""

    def test_while_it_connects(self):
        """At any moment of the model's coming."""
        self.vendor.model = Model(created_after=0.2, updated_after=0.3)
        for moment in range(0, 70, 3):
            call = self.calls(Reply("Hello."))
            self.passes(moment / 100)
            call.hang_up()
            self.passes(3)
            self.assert_ended(call, Ending.CALLER_HUNG_UP)
            self.assertEqual([talk.id for talk in self.vendor.sessions if talk.closed is None], [])

    def test_in_silence(self):
        """While the vendor's port swallows every packet."""
        self.network.swallow(HOST)
        call = self.calls()
        call.hang_up()
        self.passes(3)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)

    def test_during_a_word(self):
        """In the middle of a word."""
        call = self.calls(Reply("one two three four", pieces=9, pace=0.1))
        call.hang_up()
        self.passes(3)
        agent = self.assert_ended(call, Ending.CALLER_HUNG_UP)["agents"][0]
        self.assertEqual(agent["outcome"], "cut off")
        self.assertEqual(self.talk.closed.code, 1000)

    def test_during_a_tool(self):
        """While a tool works: it is cancelled."""
        cancelled = []
        call = self.calls(tools={"slow": FakeTool(Deferred(cancelled.append))})
        self.talk.replies_with(Reply(calls=[Call("slow")]))
        self.passes(0.1)
        call.hang_up()
        self.passes(3)
        self.assert_ended(call, Ending.CALLER_HUNG_UP)
        self.assertEqual(len(cancelled), 1)

    def test_stream_lost(self):
        """With a new stream the step begins anew, in a new session; the old one is closed."""
        call = self.calls(Reply("Hello."))
        self.vendor.expect(Reply("Again."))
        self.carrier.drop_stream(call)
        self.passes(2)
        self.assertEqual([session.closed is None for session in self.vendor.sessions], [False, True])
        self.assertEqual(self.read(call)[-1][-6:], "Again.")
        call.hang_up()

    def test_daemon_stops(self):
        """A daemon that stops takes the line back when what the model had said is heard."""
        call = self.calls(Reply("One moment please"))
        self.daemon.drain()
        self.ends_with(call, Ending.DRAINED, "Hi.", "One moment please", "Goodbye.")

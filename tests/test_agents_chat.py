"""The chat brain against a double of an endpoint in memory: what it asks and says, its tools, and how it fails."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.agents.brains.brain import IBrain
from voiced.agents.brains.chat import Chat, ChatBrain
from voiced.agents.brains.completion import Completion
from voiced.agents.brains.eventstream import MOST, EventStream
from voiced.agents.local import Brain, Settings, make
from voiced.agents.talking.talk import Talk
from voiced.call.audio import silence
from voiced.call.template import Template
from voiced.errors import AgentError
from voiced.ivoiced import Brief, Heard, Outcome, ToolResult
from voiced.secret import Secret
from voiced.simulator.memory import MemoryNetwork, elapse
from voiced.simulator.openai import API_KEY, Call, ChatReply, OpenAI
from voiced.testing.contracts import AgentContract
from voiced.testing.fake_call import FakeCall
from voiced.testing.fake_hearing import FakeHearing
from voiced.testing.fake_toolbox import FakeToolbox
from voiced.testing.fakes import FakeTools, spell

HOST = "llm.test"
SETTINGS = {"model": "tiny", "base_url": f"http://{HOST}/v1", "api_key": Secret(API_KEY)}
NAMES = st.sampled_from(["choices", "delta", "content", "tool_calls", "function", "index", "id", "name"])
CHUNKS = st.recursive(
    st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner)
)


class Speech:
    """A speech of which so much was heard."""

    def __init__(self):
        self.done = Deferred()


class ChatTests(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.double = OpenAI(self.clock)
        self.network.listen(HOST, self.double.site())
        self.chat = self.double.chat
        self.said = []
        self.meet()

    def meet(self, brief=None, **settings):
        """A new conversation."""
        self.talk = Talk(FakeCall(clock=self.clock), brief or Brief())
        tools = FakeTools(self.clock, http=self.network.http())
        self.brain = ChatBrain(Chat(**SETTINGS | settings), tools, self.talk)

    def ask(self, text, *replies, after=1.0):
        """The caller says this, and the model these; so much time passes."""
        self.chat.expect(*replies)
        self.talk.caller_said(text)
        self.answer = self.brain.answer(lambda utterance: self.said.append(utterance.text))
        elapse(self.clock, after)
        return self.answer

    def answered(self, *texts, share=1.0):
        """The caller has heard so much of these."""
        self.talk.answered()
        for text in texts:
            speech = Speech()
            self.talk.agent_said(text, speech)
            speech.done.callback(Heard(share, 1.0, cut=share < 1))

    def told(self):
        """What the model was told last, without the system's message."""
        return self.chat.asked[-1]["messages"][1:]

    def assertFails(self, words, error=AgentError):
        self.assertIn(words, str(self.failureResultOf(self.answer, error).value))
        self.assertNothingLeft()

    def assertNothingLeft(self):
        elapse(self.clock, 0.1)
        waiting = [due for due in self.clock.getDelayedCalls() if "_updateLogDateTime" not in repr(due.func)]
        self.assertEqual((self.network.connections(HOST), waiting), ([], []))

    # Asking and answering

    def test_is_a_brain(self):
        """It is an IBrain."""
        verifyObject(IBrain, self.brain)

    def test_answers(self):
        """Each sentence is said as soon as it is there, the first clause even sooner."""
        self.ask("Hello", ChatReply("Good evening to you, how can I help? We are open.", pace=0.1), after=0.55)
        self.assertEqual(self.said, ["Good evening to you,"])
        elapse(self.clock, 1)
        self.assertEqual(self.said[1:], ["how can I help?", "We are open."])
        self.assertIsNone(self.successResultOf(self.answer))
        self.assertNothingLeft()

    def test_request(self):
        """What is asked: the settings that are set, the prompt with its facts, and what the caller said."""
        self.meet(prompt=Template.parse("You talk to {call.caller}."), temperature=0.5, max_tokens=99)
        self.ask("Hello", "Hi.")
        asked = self.chat.asked[0]
        self.assertEqual(
            {name: asked[name] for name in asked if name != "messages"},
            {"model": "tiny", "stream": True, "temperature": 0.5, "max_tokens": 99},
        )
        self.assertEqual(asked["messages"][0], {"role": "system", "content": "You talk to +14155550100."})
        self.assertEqual(self.told(), [{"role": "user", "content": "Hello"}])
        self.assertEqual(self.double.requests[0].headers["authorization"], f"Bearer {API_KEY}")

    def test_brief(self):
        """What the agent is told to be this time stands before its settings, word for word."""
        self.meet(Brief(prompt="Be {rude}."))
        self.ask("Hello", "No.")
        self.assertEqual(self.chat.asked[0]["messages"][0]["content"], "Be {rude}.")

    def test_no_key(self):
        """Where no key is set none is sent."""
        self.meet(api_key=None)
        self.ask("Hello")
        self.assertNotIn("authorization", self.double.requests[0].headers)
        self.assertFails("check api_key")

    def test_history(self):
        """The model is told what was heard of its words, and nothing of what was not."""
        self.ask("Hello", "Hi.")
        self.answered("How can I help you today?", "Tell me.", share=0.5)
        self.ask("Wait", "Yes.")
        self.assertEqual(
            self.told(),
            [
                {"role": "user", "content": "Hello"},
                {"role": "assistant", "content": "How can I"},
                {"role": "user", "content": "Wait"},
            ],
        )

    def test_thoughts(self):
        """What a model thinks aloud is not said, however it is cut in pieces."""
        self.ask("Hello", ChatReply("<think> Who is this? </think> Hi."))
        self.assertEqual(self.said, ["Hi."])

    # Tools

    def test_tools(self):
        """A tool that the model asks for is used, and its result told; then it answers."""
        toolbox = FakeToolbox(weather=ToolResult("Rain."))
        self.meet(Brief(tools=toolbox))
        self.ask("Weather?", ChatReply("Let me see.", [Call("weather", {"town": "Rome"})]), "It rains.")
        self.assertEqual(self.said, ["Let me see.", "It rains."])
        self.assertEqual(toolbox.used, [("weather", {"town": "Rome"})])
        self.assertEqual(self.chat.asked[0]["tools"][0]["function"]["name"], "weather")
        self.assertEqual(self.told()[-1], {"role": "tool", "tool_call_id": "call_1", "content": "Rain."})

    def test_tools_stay_known(self):
        """What a tool answered is told again in later turns, in its place."""
        self.meet(Brief(tools=FakeToolbox(weather=ToolResult("Rain."))))
        self.ask("Weather?", ChatReply(calls=[Call("weather")]), "It rains.")
        self.answered("It rains.")
        self.ask("Sure?", "Yes.")
        roles = [message["role"] for message in self.told()]
        self.assertEqual(roles, ["user", "assistant", "tool", "assistant", "user"])

    def test_two_tools(self):
        """Several tools at once are used one after the other."""
        toolbox = FakeToolbox(a=ToolResult("1"), b=ToolResult("2"))
        self.meet(Brief(tools=toolbox))
        self.ask("Both", ChatReply(calls=[Call("a"), Call("b", {"x": 1})]), "Done.")
        self.assertEqual(toolbox.used, [("a", {}), ("b", {"x": 1})])
        self.assertEqual([message["content"] for message in self.told()[-2:]], ["1", "2"])

    def test_tool_leaves(self):
        """A tool may end the conversation: the model is not asked any more."""
        left = Outcome("transferred")
        self.meet(Brief(tools=FakeToolbox(transfer=ToolResult("Done.", leave=left))))
        self.ask("A human!", ChatReply("One moment.", [Call("transfer")]))
        self.assertEqual((self.successResultOf(self.answer), self.said), (left, ["One moment."]))

    def test_tool_interrupted(self):
        """A tool that the caller interrupts is cancelled, and the model told that nobody knows."""
        self.meet(Brief(tools=FakeToolbox(book=Deferred())))
        self.ask("Book it", ChatReply(calls=[Call("book")]))
        self.answer.cancel()
        self.failureResultOf(self.answer, CancelledError)
        self.answered()
        self.ask("No!", "Too late.")
        self.assertIn("not known whether", self.told()[2]["content"])

    def test_tools_without_end(self):
        """A model that only ever uses tools has failed."""
        self.meet(Brief(tools=FakeToolbox(weather=ToolResult("Rain."))))
        self.ask("Weather?", *[ChatReply(calls=[Call("weather")])] * 9)
        self.assertFails("used tools 5 times in a row")

    # Failing

    def test_refused(self):
        """A refusal is named for the operator, and the key never shown."""
        for status, words in ((401, "check api_key"), (404, "check model and base_url"), (400, "invalid_value")):
            self.chat.weather.fail(status)
            self.ask("Hello")
            self.assertNotIn(API_KEY, self.answer.result.getErrorMessage())
            self.assertFails(words)

    def test_quota(self):
        """Who has to pay first is told so, by kind; a limit that passes is none."""
        used_up = {"error": {"code": "insufficient_quota", "message": "You exceeded your quota"}}
        for status, body, kind in ((429, used_up, "quota"), (402, None, "quota"), (429, None, "failed")):
            self.chat.weather.fail(status, times=2, body=body)
            self.ask("Hello")
            self.assertEqual(self.failureResultOf(self.answer, AgentError).value.kind, kind)
            self.assertNothingLeft()
            self.chat.weather.faults.clear()

    def test_quota_in_the_middle(self):
        """So is who hears of it in the middle of an answer."""
        for word, kind in (("insufficient_quota", "quota"), ("server_error", "failed")):
            error = self.assertRaises(AgentError, Completion().receive, json.dumps({"error": {"code": word}}))
            self.assertEqual((str(error), error.kind), (f"the chat endpoint broke off: {word}", kind))

    def test_busy_once(self):
        """A refusal that may be gone a moment later is asked again, once."""
        self.chat.weather.fail(503)
        self.ask("Hello", "Hi.")
        self.assertEqual(self.said, ["Hi."])
        self.chat.weather.fail(429, times=2)
        self.ask("Hello")
        self.assertFails("check its limits and its bill")

    def test_unreachable(self):
        """An endpoint that cannot be reached is named."""
        self.network.refuse(HOST)
        self.ask("Hello")
        self.assertFails(f"{HOST} refused the connection")

    def test_never_answers(self):
        """The first word has its time, however far the endpoint came until then."""
        self.chat.weather.fail(None)
        self.ask("Hello", after=6.1)
        self.assertFails("has not begun to answer within 6 s")
        self.ask("Hello", ChatReply("Hi.", stall_after=1), after=6.1)
        self.assertFails("has not begun to answer within 6 s")

    def test_never_connects(self):
        """A firewall that swallows the connection counts as well."""
        self.network.swallow(HOST)
        self.ask("Hello", after=6.1)
        self.assertFails("has not begun to answer")

    def test_stalls(self):
        """A model that stops in the middle has failed; what it said was said."""
        self.ask("Hello", ChatReply("One. Two. Three.", stall_after=3), after=5.1)
        self.assertEqual(self.said, ["One."])
        self.assertFails("stopped in the middle of its answer")

    def test_breaks_off(self):
        """A connection that breaks in the middle is not asked again: the caller would hear it twice."""
        self.ask("Hello", ChatReply("One. Two. Three.", break_after=3), "Again.")
        self.assertFails("broke off its answer in the middle")
        self.assertEqual(self.said, ["One."])

    def test_says_nothing(self):
        """A model that answers nothing is asked once more, and then has failed."""
        self.ask("Hello", "", "Hi.")
        self.assertEqual(self.said, ["Hi."])
        self.ask("Hello", *[ChatReply("", finish_reason="content_filter")] * 2)
        self.assertFails("answered nothing (content_filter)")

    def test_something_else(self):
        """An endpoint that is no chat endpoint is told from one."""
        self.meet(base_url=f"http://{HOST}/v2")
        self.ask("Hello")
        self.assertFails("does not know this model or path")

    def test_cancelled(self):
        """Cancelled at any moment, the request ends at once, and nothing more is said."""
        for moments in range(1, 30):
            self.ask("Hello", ChatReply("One. Two. Three. Four.", pace=0.01), after=0)
            for _ in range(moments):
                if self.clock.calls:
                    self.clock.advance(self.clock.calls[0].getTime() - self.clock.seconds())
            said = len(self.said)
            self.answer.cancel()
            if self.answer.called and self.answer.result is not None:
                self.failureResultOf(self.answer, CancelledError)
            self.assertNothingLeft()
            self.assertEqual(len(self.said), said)
            self.chat.replies.clear()

    def test_cancelled_by_what_it_says(self):
        """It may be cancelled because of a sentence, the last one too."""
        for text in ("One. Two. Three.", "One"):
            self.chat.expect(ChatReply(text))
            self.talk.caller_said("Hello")
            self.answer = self.brain.answer(lambda _: self.answer.cancel())
            elapse(self.clock, 1)
            self.failureResultOf(self.answer, CancelledError)
            self.assertNothingLeft()


class ChatAgentContract(AgentContract, SynchronousTestCase):
    """The local agent with this brain is an agent like any other."""

    def make_agent(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.double = OpenAI(self.clock)
        self.network.listen(HOST, self.double.site())
        tools = FakeTools(self.clock, http=self.network.http(), hearing=FakeHearing())
        first = Template.parse("Good evening, this is the hotel.")
        return make(Settings(Brain(chat=Chat(**SETTINGS)), first_message=first), tools)

    def advance(self, seconds):
        elapse(self.clock, seconds)

    def caller_asks(self, *replies):
        self.double.chat.replies.clear()
        self.double.chat.expect(*replies)
        self.line.caller_says(spell("Hello there") + silence(0.6))

    def agent_speaks(self):
        self.caller_asks(ChatReply("Good evening. How can I help?", pace=0.05), "Yes?")

    def agent_ends(self):
        self.caller_asks(ChatReply("Bye.", [Call("leave")]))

    def break_agent(self):
        self.double.chat.weather.fail(400)
        self.caller_asks()

    def left_open(self):
        return len(self.network.connections(HOST))

    @property
    def brief(self):
        return Brief(tools=FakeToolbox(leave=ToolResult("", leave=Outcome("completed"))))


class EventStreamTests(SynchronousTestCase):
    def test_events(self):
        """Data of one line or several, comments and other fields, and any line ends."""
        stream = EventStream()
        self.assertEqual(
            stream.feed(b"data: a\n\n: hi\nevent: x\r\ndata:b\r\ndata:  c\r\n\r\ndata: d"), ["a", "b\n c"]
        )
        self.assertEqual(stream.end(), ["d"])

    @given(st.data(), st.lists(st.text("ab é", min_size=1)), st.sampled_from(["\n", "\r\n"]))
    def test_in_any_pieces(self, data, texts, line_end):
        """The same events come out however the bytes come in."""
        left = "".join(f"data: {text}{line_end * 2}" for text in texts).encode()
        stream, events = EventStream(), []
        while left:
            size = data.draw(st.integers(1, len(left)))
            events += stream.feed(left[:size])
            left = left[size:]
        self.assertEqual(events, texts)

    def test_endless(self):
        """An event without an end is not kept for ever."""
        self.assertRaises(ValueError, EventStream().feed, b"data: " + b"a" * MOST)


class CompletionTests(SynchronousTestCase):
    def receive(self, completion, **delta):
        return completion.receive(json.dumps({"choices": [{"delta": delta}]}))

    def test_tools_without_index(self):
        """Endpoints that leave out a call's index, or send its arguments as an object, are understood."""
        completion = Completion()
        for name in ("a", "b"):
            call = {"id": name, "function": {"name": name, "arguments": {"x": name}}}
            self.receive(completion, content=None, tool_calls=[call])
        self.assertEqual(
            [(tool.name, tool.parsed()) for tool in completion.tools], [("a", {"x": "a"}), ("b", {"x": "b"})]
        )

    def test_broken_arguments(self):
        """Arguments that are no JSON object are none."""
        completion = Completion()
        self.receive(completion, tool_calls=[{"index": 0, "id": "a", "function": {"name": "a", "arguments": "[1"}}])
        self.assertIsNone(completion.tools[0].parsed())

    @given(st.text("<think/> a", max_size=40), st.integers(1, 5))
    def test_thoughts_in_any_pieces(self, text, size):
        """Thoughts are left out, whatever pieces they come in."""
        whole = self.receive(Completion(), content=text)
        pieces = Completion()
        parts = [self.receive(pieces, content=text[at : at + size]) for at in range(0, len(text), size)]
        self.assertTrue("".join(parts) == whole)

    def test_errors(self):
        """An error within the stream, and what is no chunk at all, fail it."""
        for event, words in (
            ('{"error": {"code": "context_length_exceeded", "message": "too long"}}', "context_length_exceeded"),
            ('{"error": {"code": 7, "message": "Ann asks for"}}', "without a reason"),
            ('{"error": "Ann asks for"}', "without a reason"),
            ("<html>", "no chunk"),
            ("[]", "no chunk"),
        ):
            self.assertIn(words, str(self.assertRaises(AgentError, Completion().receive, event)))

    @given(CHUNKS)
    def test_anything(self, chunk):
        """Whatever an endpoint sends, it is a text or an AgentError."""
        try:
            self.assertIsInstance(Completion().receive(json.dumps(chunk)), str)
        except AgentError:
            pass

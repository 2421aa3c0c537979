"""The dialect of OpenAI's realtime models: every event of theirs, every bad one, and all that we send."""

import base64
import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.openai_schema import available, documented
from voiced.agents.dialects.events import (
    AgentSaid,
    Audio,
    CallerActive,
    CallerSaid,
    Ended,
    Event,
    Failed,
    Interrupted,
    Ready,
    Reply,
    Spoken,
    ToolCall,
    Trouble,
    Unknown,
)
from voiced.agents.dialects.openai import OpenAIDialect
from voiced.agents.dialects.openai_settings import Settings
from voiced.agents.dialects.openai_shapes import IGNORED
from voiced.agents.openai import SESSION_SECONDS, door
from voiced.call.template import Template
from voiced.ivoiced import Brief, Cut, Heard, IAgentDialect, Outcome, ToolResult

KEY = "sk-proj-5f0c9a4e"
GO_ON = '{"type":"response.create"}'
STARTED = {"audio_start_ms": 1, "item_id": "u1"}


class Tool:
    """A tool as a brief has it."""

    description = "Ends the call."
    parameters = {"type": "object", "properties": {"why": {"type": "string"}}}
    timeout = 1.0


class Toolbox:
    tools = {"hang_up": Tool()}


def settings(**more):
    return msgspec.convert({"api_key": KEY, **more}, Settings, dec_hook=lambda type_, text: type_(text))


def dialect(brief=None, **more):
    texts = {name: Template.parse(more.pop(name)) for name in ("prompt", "first_message") if name in more}
    return OpenAIDialect(settings(**texts, **more), brief or Brief(), {"party.name": "Ann"})


def event(kind, **body):
    return {"type": kind, "event_id": "event_1", **body}


UPDATED = event("session.updated", session={"type": "realtime", "id": "sess_1"})


def begun(**more):
    """A conversation that is ready, and in which the caller begins."""
    begun = dialect(greet=False, **more)
    begun.receive(wire(UPDATED))
    return begun


def wire(message):
    return message if isinstance(message, str | bytes) else json.dumps(message)


def created(response="r1"):
    return event("response.created", response={"id": response, "status": "in_progress"})


def done(response="r1", status="completed", **details):
    status_details = {"type": status, **details} if details else None
    return event("response.done", response={"id": response, "status": status, "status_details": status_details})


def part(kind, item="i1", response="r1", **more):
    return event(kind, **{"item_id": item, "response_id": response, "output_index": 0, "content_index": 0, **more})


def delta(item="i1", response="r1", sound=b"\xff" * 800, **more):
    return part("response.output_audio.delta", item, response, delta=base64.b64encode(sound).decode(), **more)


def audio_done(item="i1"):
    return part("response.output_audio.done", item)


def said(text, item="i1", response="r1"):
    return part("response.output_audio_transcript.done", item, response, transcript=text)


def call(arguments="{}", status="completed", call_id="c1", **more):
    item = {"type": "function_call", "name": "hang_up", "call_id": call_id, "arguments": arguments, **more}
    return event("response.output_item.done", item={**item, "status": status}, output_index=0, response_id="r1")


def added(call_id="c1"):
    return event("conversation.item.added", item={"type": "function_call_output", "call_id": call_id, "output": "x"})


def heard(text):
    usage = {"type": "duration", "seconds": 1.0}
    kind = "conversation.item.input_audio_transcription.completed"
    return event(kind, item_id="u1", content_index=0, transcript=text, usage=usage)


def started():
    return event("input_audio_buffer.speech_started", **STARTED)


def failed(code, error_type="invalid_request_error", **more):
    return event("error", error={"type": error_type, "code": code, "message": f"{KEY} 4821", **more})


def cut(dialect, *items, seconds=0.05):
    """What is sent when these were cut, each heard for so long."""
    return [
        json.loads(text) for text in dialect.interrupted([Cut(item, Heard(seconds, 1.0, True)) for item in items])
    ]


PIECE = b"\xff" * 800
MESSAGE = {"type": "message", "role": "assistant", "content": []}
NOT_TRANSCRIBED = event(
    "conversation.item.input_audio_transcription.failed", item_id="u1", content_index=0, error={"message": KEY}
)
HANDLED = [
    ("a session that is set again", UPDATED, []),
    ("a response", created(), []),
    ("a response that is done", done(), []),
    ("a response that was cancelled", done(status="cancelled", reason="turn_detected"), []),
    ("audio", delta(), [Audio(PIECE, "i1")]),
    ("no audio", delta(sound=b""), []),
    ("the end of audio that never came", audio_done("i2"), []),
    ("a text", said(" Hello. "), [AgentSaid("Hello.", "i1")]),
    ("no text", said(""), []),
    ("a tool", call('{"why": "bye"}'), [ToolCall("c1", "hang_up", {"why": "bye"})]),
    ("a tool without arguments", call(""), [ToolCall("c1", "hang_up", {})]),
    ("a tool with a list", call("[1]"), [ToolCall("c1", "hang_up", None)]),
    ("a tool with nonsense", call('{"why": '), [ToolCall("c1", "hang_up", None)]),
    ("a tool that was cut off", call("{", status="incomplete"), []),
    ("something said", event("response.output_item.done", item=MESSAGE, output_index=0, response_id="r1"), []),
    ("a tool's result", added(), []),
    ("something of the caller's", event("conversation.item.added", item={**MESSAGE, "role": "user"}), []),
    ("a transcript", heard(" Yes.\n"), [CallerSaid("Yes.")]),
    ("an empty transcript", heard(" "), []),
    ("the caller", started(), [CallerActive()]),
    ("the caller's end", event("input_audio_buffer.speech_stopped", audio_end_ms=1, item_id="u"), [CallerActive()]),
    ("a cancellation too late", failed("response_cancel_not_active"), []),
    ("a response too many", failed("conversation_already_has_active_response"), []),
    ("a truncation too late", failed("invalid_value", event_id="voiced_cut"), []),
]
TROUBLE = [
    ("no transcript", NOT_TRANSCRIBED, "`transcription_model`"),
    ("the longest answer", done(status="incomplete", reason="max_output_tokens"), "cut off"),
    ("a filtered answer", done(status="incomplete", reason="content_filter"), "filter"),
    ("another incomplete one", done(status="incomplete", reason="new"), "could not make"),
    ("too many requests", done(status="failed", error={"code": "rate_limit_exceeded"}), "rate limits"),
    ("trouble of its own", done(status="failed", error={"type": "server_error"}), "its own"),
    ("a failure without a reason", done(status="failed"), "could not make"),
    ("an error of its own", failed(None, "server_error"), "its own"),
    ("a message that it did not like", failed("invalid_value"), "invalid_value"),
    ("a strange code", failed(KEY), "no code"),
]
FATAL = [
    ("no credits", done(status="failed", error={"code": "insufficient_quota"}), "no credits"),
    ("no credits, by type", done(status="failed", error={"type": "insufficient_quota"}), "no credits"),
    ("a bad key", failed("invalid_api_key"), "api_key"),
    ("an unknown model", failed("model_not_found"), "`model`"),
]
BAD = [
    ("nothing", b"", "not JSON of that shape"),
    ("not UTF-8", b"\xff\xfe", "not JSON of that shape"),
    ("half a character", "\ud800", "not JSON of that shape"),
    ("a list", b"[]", "not JSON of that shape"),
    ("deep as a well", b'{"type":"error","error":' + b"[" * 100_000, "not JSON of that shape"),
    ("no type", b"{}", "no type"),
    ("a caller's words for a type", event("my PIN is 4821"), "a type that is no word"),
    ("the beta's audio", event("response.audio.delta", delta=""), "response.audio.delta"),
    ("audio of nobody", event("response.output_audio.delta", delta=""), "response.output_audio.delta (malformed)"),
    ("bad base64", part("response.output_audio.delta", delta="!"), "response.output_audio.delta (not base64)"),
    ("a huge place", delta(content_index=10**30), "response.output_audio.delta (malformed)"),
    ("NaN", b'{"type":"response.output_audio.delta","content_index":NaN}', "not JSON of that shape"),
    ("a tool without a name", call(name=None), "response.output_item.done (malformed)"),
    ("an error that is a text", event("error", error="no"), "error (malformed)"),
    ("a response without a name", event("response.created", response={}), "response.created (malformed)"),
]


class ReceiveTests(SynchronousTestCase):
    def received(self, dialect, *messages):
        """All that these messages mean."""
        return [event for message in messages for event in dialect.receive(wire(message))]

    def test_interface(self):
        """It is an IAgentDialect."""
        self.assertTrue(verifyObject(IAgentDialect, dialect()))

    def test_handled(self):
        """Every event that means something, and those that are harmless."""
        for name, message, events in HANDLED:
            self.assertEqual(self.received(begun(), message), events, name)

    def test_trouble(self):
        """What an operator should know of, while the conversation goes on; the vendor's words are not in it."""
        for name, message, words in TROUBLE:
            (trouble,) = self.received(begun(), message)
            self.assertIsInstance(trouble, Trouble, name)
            self.assertIn(words, trouble.reason, name)
            self.assertNotIn(KEY, trouble.reason)

    def test_fatal(self):
        """What no conversation can go on after."""
        for name, message, words in FATAL:
            (failure,) = self.received(begun(), message)
            self.assertIsInstance(failure, Failed, name)
            self.assertIn(words, failure.reason, name)
            self.assertNotIn("4821", failure.reason)
            self.assertEqual(failure.kind, "quota" if words == "no credits" else "", name)

    def test_expired(self):
        """A session that was too long is no failure."""
        self.assertEqual(self.received(begun(), failed("session_expired")), [Ended(Outcome("timeout"))])

    def test_every_event_is_known(self):
        """No event that the vendor's package names is unknown, handled or ignored."""
        if not available():
            raise SkipTest("the vendor's package is not installed")
        from openai.types.realtime import RealtimeServerEvent

        models = RealtimeServerEvent.__args__[0].__args__
        names = {name for model in models for name in model.model_fields["type"].annotation.__args__}
        handled = set(OpenAIDialect._MEANINGS)
        self.assertEqual(names - handled - IGNORED, set())
        self.assertEqual(handled & IGNORED, set())
        for name in IGNORED:
            self.assertEqual(self.received(begun(), event(name)), [], name)

    def test_as_documented(self):
        """The events of these tests are what the vendor's package says."""
        for _, message, *_ in [*HANDLED, *TROUBLE]:
            if not message["type"].endswith(("failed", "done", "added")):
                documented("sent", message)

    def test_bad(self):
        """Every bad message is Unknown, by a name that gives nothing away."""
        for name, message, kind in BAD:
            self.assertEqual(self.received(begun(), message), [Unknown(kind)], name)

    def test_ready(self):
        """It is there when the session is as we want it, not before."""
        fresh = dialect()
        self.assertEqual(self.received(fresh, event("session.created", session={"id": "sess_1"})), [])
        self.assertEqual(fresh.audio(b"\xff"), [])
        self.assertEqual(self.received(fresh, UPDATED), [Ready("sess_1"), Reply(GO_ON)])
        self.assertEqual(len(fresh.audio(b"\xff")), 1)

    def test_refused_session(self):
        """A session that it does not take is the end, and the setting is named, if it is one."""
        for param, words in (
            ("session.audio.input.turn_detection.eagerness", "`session.audio.input.turn_detection.eagerness`"),
            ("session.tools[0].name", "`session.tools[0].name`"),
            ("You are Ann", "the agent's settings"),
            (None, "the agent's settings"),
        ):
            (failure,) = self.received(dialect(), failed("invalid_value", param=param))
            self.assertIsInstance(failure, Failed)
            self.assertIn(words, failure.reason)

    def test_speech(self):
        """What is said: its audio, its text, its end."""
        events = self.received(begun(), created(), delta(), delta(), audio_done(), said("Hi"), done())
        self.assertEqual(events, [Audio(PIECE, "i1")] * 2 + [Spoken("i1"), AgentSaid("Hi", "i1")])


class InterruptionTests(SynchronousTestCase):
    received = ReceiveTests.received

    def truncated(self, item, milliseconds, place=0):
        message = {"type": "conversation.item.truncate", "event_id": "voiced_cut", "item_id": item}
        return {**message, "content_index": place, "audio_end_ms": milliseconds}

    def test_by_the_model(self):
        """The caller interrupts: nothing more of that response is heard, of no item of it."""
        talk = begun()
        late = [delta(), delta("i2"), audio_done(), said("Hi"), said("there", "i2")]
        events = self.received(talk, created(), delta(), started(), *late, done(status="cancelled"), delta())
        self.assertEqual(events[1:], [CallerActive(), Interrupted(), Spoken("i1"), AgentSaid("Hi", "i1")])
        self.assertEqual(cut(talk, "i1"), [self.truncated("i1", 50)])
        self.assertEqual(self.received(talk, created("r2"), delta("i3", "r2")), [Audio(PIECE, "i3")])

    def test_nothing_to_interrupt(self):
        """A caller who speaks when it is their turn interrupts nothing, the second time neither."""
        talk = begun()
        self.assertEqual(self.received(talk, started()), [CallerActive()])
        self.received(talk, created(), delta(), done())
        self.assertEqual(self.received(talk, started()), [CallerActive(), Interrupted()])
        self.assertEqual(self.received(talk, started()), [CallerActive()])

    def test_by_us(self):
        """We interrupt: the model is told to stop, and what was heard; the rest is not heard."""
        talk = begun()
        self.received(talk, created(), delta(content_index=2))
        cancelled = {"type": "response.cancel", "event_id": "voiced_cut", "response_id": "r1"}
        self.assertEqual(cut(talk, "i1"), [cancelled, self.truncated("i1", 50, 2)])
        self.assertEqual(self.received(talk, delta(), delta("i2"), audio_done()), [])
        self.assertEqual(cut(talk, "i1"), [self.truncated("i1", 50, 2)])

    def test_by_us_when_it_has_ended(self):
        """A response that is made needs no cancelling, and another one than the one that was cut goes on."""
        talk = begun()
        self.received(talk, created(), delta(), done(), created("r2"))
        self.assertEqual(cut(talk, "i1"), [self.truncated("i1", 50)])
        self.assertEqual(self.received(talk, delta("i2", "r2")), [Audio(PIECE, "i2")])

    def test_bounds(self):
        """Never more than has come, never less than nothing; what has no audio is not truncated at all."""
        for seconds, milliseconds in ((0.0, 0), (0.0505, 50), (0.1, 100), (0.2, 100), (-1.0, 0)):
            talk = begun()
            self.received(talk, created(), delta(), done())
            self.assertEqual(cut(talk, "i1", "?", seconds=seconds), [self.truncated("i1", milliseconds)])

    def test_several(self):
        """Everything that was cut is truncated, what was not heard at all to nothing."""
        talk = begun()
        self.received(talk, created(), delta(), delta("i2"), done())
        sent = [
            json.loads(text) for text in talk.interrupted([Cut("i1", Heard(0.02, 0.1)), Cut("i2", Heard(0, 0.1))])
        ]
        self.assertEqual(sent, [self.truncated("i1", 20), self.truncated("i2", 0)])


class AnswerTests(SynchronousTestCase):
    """When the model is asked to go on."""

    received = ReceiveTests.received

    def asked(self, talk, call="c1", **result):
        """Whether sending this result asks for an answer."""
        output, *more = talk.tool_result(call, ToolResult("ok", **result))
        documented("received", json.loads(output))
        self.assertIn(more, ([], [GO_ON]))
        return bool(more)

    def test_at_once(self):
        """When nobody speaks."""
        talk = begun()
        self.received(talk, created(), call(), done())
        self.assertTrue(self.asked(talk))

    def test_when_its_response_is_done(self):
        """A tool that is quicker than the rest of the response waits for its end."""
        talk = begun()
        self.received(talk, created(), call())
        self.assertFalse(self.asked(talk))
        self.assertEqual(self.received(talk, added(), done()), [Reply(GO_ON)])
        self.assertEqual(self.received(talk, created("r2"), done("r2")), [])

    def test_once_for_several(self):
        """One answer for all the results that it waits for."""
        talk = begun()
        self.received(talk, created(), call(), call(call_id="c2"), done())
        self.assertFalse(self.asked(talk))
        self.assertTrue(self.asked(talk, "c2"))

    def test_not_when_it_leaves(self):
        """Who is to go is not asked to go on."""
        talk = begun()
        self.received(talk, created(), call(), done())
        self.assertFalse(self.asked(talk, leave=Outcome("hung_up")))

    def test_not_while_the_caller_speaks(self):
        """The model answers a caller by itself, and the result with it, if it had that in time."""
        talk = begun()
        self.received(talk, created(), call(), done(), started())
        self.assertFalse(self.asked(talk))
        self.assertEqual(self.received(talk, added(), created("r2"), done("r2")), [])

    def test_an_answer_that_knew_nothing_of_it(self):
        """Else it is asked when it has answered the caller."""
        talk = begun()
        self.received(talk, created(), call(), done(), started())
        self.assertFalse(self.asked(talk))
        self.assertEqual(self.received(talk, created("r2"), added(), done("r2")), [Reply(GO_ON)])

    def test_interrupted_by_the_caller(self):
        """When the caller has interrupted, what comes next is the caller's turn, and then an answer by itself."""
        talk = begun()
        self.received(talk, created(), call())
        self.assertFalse(self.asked(talk))
        cancelled = done(status="cancelled", reason="turn_detected")
        self.assertEqual(self.received(talk, started(), cancelled), [CallerActive()])


class SendTests(SynchronousTestCase):
    def sent(self, messages):
        """The one message, which must be as the vendor's package says."""
        (text,) = messages
        documented("received", json.loads(text))
        return json.loads(text)

    def session(self, brief=None, **more):
        message = self.sent(dialect(brief, **more).opening())
        self.assertEqual(message["type"], "session.update")
        return message["session"]

    def test_plain_opening(self):
        """Telephone audio both ways, and sensible turns; nothing that is not set."""
        turns = {"type": "server_vad", "create_response": True, "interrupt_response": True}
        heard = {
            "format": {"type": "audio/pcmu"},
            "turn_detection": turns,
            "transcription": {"model": "gpt-transcribe"},
            "noise_reduction": {"type": "far_field"},
        }
        spoken = {"format": {"type": "audio/pcmu"}, "voice": "marin"}
        audio = {"input": heard, "output": spoken}
        expected = {"type": "realtime", "output_modalities": ["audio"], "audio": audio}
        self.assertEqual(self.session(), expected)

    def test_settings(self):
        """Every setting in its place."""
        turns = {"type": "semantic_vad", "eagerness": "low"}
        given = {"prompt": "P", "voice": "voice_1", "speed": 1.5, "language": "de", "turn_detection": turns}
        session = self.session(**given, noise_reduction="off", transcription_model="whisper-1")
        self.assertTrue(session["instructions"].startswith("P\n\n"))
        self.assertIn("'de'", session["instructions"])
        heard, spoken = session["audio"]["input"], session["audio"]["output"]
        self.assertEqual((spoken["voice"], spoken["speed"]), ({"id": "voice_1"}, 1.5))
        self.assertEqual(heard["transcription"], {"model": "whisper-1", "language": "de"})
        self.assertIsNone(heard["noise_reduction"])
        self.assertEqual(heard["turn_detection"]["eagerness"], "low")
        self.assertIsNone(self.session(transcription_model=None)["audio"]["input"]["transcription"])

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "threshold": st.floats(0, 1),
                "prefix_padding_ms": st.integers(0, 900),
                "silence_duration_ms": st.integers(0, 900),
                "idle_timeout_ms": st.integers(1, 9000),
            },
        )
    )
    def test_every_turn_detection(self, chosen):
        """What is set of it, and nothing else."""
        turns = self.session(turn_detection={"type": "server_vad", **chosen})["audio"]["input"]["turn_detection"]
        always = {"type": "server_vad", "create_response": True, "interrupt_response": True}
        self.assertEqual(turns, {**always, **chosen})

    def test_brief(self):
        """A step's brief goes before the settings; its variables are written down for the model; so are its tools."""
        brief = Brief(prompt="B", language="fr", voice="cedar", variables={"order": "17"}, tools=Toolbox())
        session = self.session(brief, prompt="P", language="de", voice="alloy")
        for words, there in (("B", True), ("'fr'", True), ("- order: 17", True), ("P", False)):
            self.assertEqual(words in session["instructions"], there, words)
        self.assertEqual(session["audio"]["output"]["voice"], "cedar")
        self.assertEqual(session["audio"]["input"]["transcription"]["language"], "fr")
        tool = {"type": "function", "name": "hang_up", "description": Tool.description, "parameters": Tool.parameters}
        self.assertEqual((session["tools"], session["tool_choice"]), ([tool], "auto"))

    def test_greetings(self):
        """The agent speaks first: these words exactly, or its own; or the caller does."""
        for brief, more, words in (
            (Brief(), {}, None),
            (Brief(), {"greet": False}, ""),
            (Brief(), {"first_message": "Hello!", "greet": False}, "Hello!"),
            (Brief(), {"first_message": "Hello {party.name}!"}, "Hello Ann!"),
            (Brief(first_message="Hi!"), {"first_message": "Hello!"}, "Hi!"),
            (Brief(first_message=""), {"first_message": "Hello!"}, ""),
        ):
            _, *replies = dialect(brief, **more).receive(wire(UPDATED))
            self.assertEqual(len(replies), words != "")
            for reply in replies:
                response = self.sent([reply.text]).get("response", {})
                self.assertEqual(response.get("instructions", "").endswith(words or ""), True)
                self.assertEqual(words is None, not response)

    def test_audio(self):
        """The caller's bytes as they are."""
        message = self.sent(begun().audio(b"\xff\x7f\x00"))
        self.assertEqual(message, {"type": "input_audio_buffer.append", "audio": "/38A"})
        self.assertEqual(begun().audio(b""), [])

    def test_key(self):
        """A key is told as a note of the caller's, and asks for no answer."""
        item = self.sent(begun().key("5"))["item"]
        self.assertEqual((item["type"], item["role"]), ("message", "user"))
        (content,) = item["content"]
        self.assertEqual(content, {"type": "input_text", "text": "[The caller pressed 5 on the telephone keypad]"})

    def test_result(self):
        """A tool's result is an item of the conversation."""
        output = json.loads(begun().tool_result("c1", ToolResult("done", error=True))[0])
        item = {"type": "function_call_output", "call_id": "c1", "output": "done"}
        self.assertEqual(output, {"type": "conversation.item.create", "item": item})

    def test_interruption(self):
        """What is sent to stop it is as documented."""
        talk = begun()
        for message in (created(), delta()):
            talk.receive(wire(message))
        for message in cut(talk, "i1"):
            self.sent([json.dumps(message)])

    def test_closing(self):
        """There is nothing to say at the end."""
        self.assertEqual(begun().closing(), [])


class EndTests(SynchronousTestCase):
    def test_refused(self):
        """A handshake that is answered otherwise: each status has its sentence."""
        for status, expected in (
            (401, "api_key"),
            (404, "`model`"),
            (429, "rate"),
            (503, "its own"),
            (302, "base_url"),
        ):
            self.assertIn(expected, dialect().refused(status).reason)

    def test_closes(self):
        """Every close code, with and without words that are known."""
        for code, reason, expected in (
            (1000, "", Ended(Outcome("completed"))),
            (1001, "Your session hit the maximum duration of 60 minutes.", Ended(Outcome("timeout"))),
            (None, "", "was lost"),
            (1006, "connection was closed uncleanly", "was lost"),
            (1011, "", "its own"),
            (3000, "", "api_key"),
            (3000, "invalid_request_error.invalid_api_key", "api_key"),
            (4000, "insufficient_quota", "no credits"),
            (4999, f"{KEY}", "not said why"),
        ):
            event = begun().closed(code, reason)
            if isinstance(expected, str):
                self.assertIsInstance(event, Failed, reason)
                self.assertIn(expected, event.reason, reason)
                self.assertNotIn(KEY, event.reason)
                self.assertEqual(event.kind, "quota" if expected == "no credits" else "", reason)
            else:
                self.assertEqual(event, expected)

    @given(st.none() | st.integers(0, 5000), st.text())
    def test_any_close(self, code, reason):
        """Whatever the reason, it is an end, and no word of it is shown."""
        event = begun().closed(code, f"{reason} the caller said 4821")
        self.assertIsInstance(event, Ended | Failed)
        self.assertNotIn("4821 ", getattr(event, "reason", ""))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["i1", "/38=", "c1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
GOOD = [UPDATED, *(message for _, message, *_ in [*HANDLED, *TROUBLE, *FATAL])]


def spoilt(good):
    """That message with anything in some of its parts."""
    names = st.sampled_from([name for name in good if name != "type"])
    return st.dictionaries(names, JSON).map(lambda more: {**good, **more})


class HostileTests(SynchronousTestCase):
    def check(self, dialect, message):
        """Events, whatever comes; what is unknown is shown by a short printable name."""
        for event in dialect.receive(message):
            self.assertIsInstance(event, Event)
            if isinstance(event, Unknown):
                self.assertTrue(event.kind.isprintable() and len(event.kind) < 100)

    @given(st.binary() | st.text())
    def test_any_text(self, message):
        """Any bytes and any text at all."""
        self.check(dialect(), message)
        self.check(begun(), message)

    @given(st.lists(st.sampled_from(GOOD).flatmap(spoilt).map(json.dumps), max_size=5))
    def test_any_messages(self, messages):
        """Any of the vendor's messages with anything in it, one after the other, and a cut after them."""
        for talk in (dialect(), begun()):
            for message in messages:
                self.check(talk, message)
            cut(talk, "i1")
            talk.tool_result("c1", ToolResult("x"))

    @given(st.sampled_from(GOOD), st.integers(0, 300), st.binary(max_size=3))
    def test_any_damage(self, message, at, damage):
        """A good message with some bytes of it replaced."""
        text = wire(message).encode()
        self.check(begun(), text[:at] + damage + text[at + len(damage) :])


class SettingsTests(SynchronousTestCase):
    def test_accepted(self):
        """A key is enough, and is never shown."""
        self.assertEqual(settings().model, "gpt-realtime-2.1")
        self.assertNotIn(KEY, repr(settings()))

    def test_refused(self):
        """What could not work is refused when the file is read."""
        for wrong in (
            {"api_key": ""},
            {"api_key": "sk 1"},
            {"model": "a b"},
            {"base_url": "wss://api.openai.com"},
            {"prompt": ""},
            {"language": "german"},
            {"voice": "a b"},
            {"speed": 2},
            {"noise_reduction": "loud"},
            {"turn_detection": {"type": "none"}},
            {"turn_detection": {"type": "server_vad", "eagerness": "low"}},
            {"turn_detection": {"type": "semantic_vad", "threshold": 0.5}},
            {"turn_detection": {"type": "server_vad", "threshold": 2}},
            {"temperature": 0.8},
        ):
            self.assertRaises(msgspec.ValidationError, settings, **wrong)

    def test_door(self):
        """The socket names the model; the key is in a header, and neither is shown."""
        for base, url in (("https://api.openai.com/", "wss://api.openai.com"), ("http://h:1/x", "ws://h:1/x")):
            way = door(settings(base_url=base))
            self.assertEqual(way.url, f"{url}/v1/realtime?model=gpt-realtime-2.1")
            self.assertEqual(way.headers, {"Authorization": f"Bearer {KEY}"})
            self.assertEqual(way.most_seconds, SESSION_SECONDS)
            self.assertNotIn(KEY, repr(way))

"""The dialect of ElevenLabs: every event of its contract, every bad one, and all that we send it."""

import base64
import json
from unittest import mock

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.agent_schema import available, documented
from voiced.agents.dialects import elevenlabs
from voiced.agents.dialects.elevenlabs import ElevenLabsDialect
from voiced.agents.dialects.elevenlabs_door import public_door, refusal, request, signed_door
from voiced.agents.dialects.elevenlabs_settings import Settings
from voiced.agents.dialects.elevenlabs_shapes import IGNORED
from voiced.agents.dialects.events import (
    AgentSaid,
    Audio,
    CallerActive,
    CallerSaid,
    Corrected,
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
from voiced.call.template import Template
from voiced.errors import AgentError
from voiced.ivoiced import Brief, Cut, Heard, IAgentDialect, Outcome, ToolResult
from voiced.secret import Secret

SOUND = base64.b64encode(b"\x7f" * 320).decode()
AGENT, KEY = "agent_01jx", "sk_5f0c9a4e"
FACTS = {
    "call.sid": "CA2",
    "call.caller": "+15550100",
    "call.called": "+15550199",
    "party.name": "Ann",
    "agent.transcript": "Caller: my PIN is 4821",
    "system.__x": "y",
}


def event(kind, body, key=None):
    return {"type": kind, key or f"{kind}_event": body}


def metadata(spoken="ulaw_8000", heard="ulaw_8000"):
    kind = "conversation_initiation_metadata"
    formats = {"agent_output_audio_format": spoken, "user_input_audio_format": heard}
    return event(kind, {"conversation_id": "conv_1", **formats})


def audio(number, sound=b"\xff\x7f"):
    return event("audio", {"audio_base_64": base64.b64encode(sound).decode(), "event_id": number})


def old_audio(sound=b"\xff\x7f"):
    return {"type": "audio", "audio": {"chunk": base64.b64encode(sound).decode()}}


def said(text, number=1):
    return event("agent_response", {"agent_response": text, "event_id": number})


def heard(text, number=1):
    return event("user_transcript", {"user_transcript": text, "event_id": number}, "user_transcription_event")


def tentative(text):
    body = {"user_transcript": text, "event_id": 1}
    return event("tentative_user_transcript", body, "tentative_user_transcription_event")


def interruption(number):
    return event("interruption", {"event_id": number})


def tool_call(parameters):
    body = {"tool_name": "book", "tool_call_id": "c1", "parameters": parameters, "event_id": 1}
    return event("client_tool_call", body, "client_tool_call")


def tool_response(name, kind="agent_tool_response", **more):
    body = {"tool_name": name, "tool_call_id": "c", "tool_type": "system", "is_error": False, "is_called": True}
    return event(kind, {**body, "event_id": 1, **more}, kind)


def mcp_call(state, **more):
    body = {"service_id": "s", "tool_call_id": "m1", "tool_name": "t", "parameters": {}, "timestamp": "2026-01-01"}
    return event("mcp_tool_call", {**body, "state": state, **more}, "mcp_tool_call")


def mcp_status(*connected):
    server = {"integration_id": "i", "integration_type": "mcp_server", "tool_count": 1}
    return event(
        "mcp_connection_status",
        {"integrations": [{**server, "is_connected": each} for each in connected]},
        "mcp_connection_status",
    )


def failed(error_type, code=1008, **more):
    return event("error", {"code": code, "error_type": error_type, **more})


def wire(message):
    return message if isinstance(message, str | bytes) else json.dumps(message)


def settings(**more):
    return msgspec.convert({"agent_id": AGENT, **more}, Settings, dec_hook=lambda type_, text: type_(text))


def dialect(brief=None, party="+15550100", **more):
    texts = {name: Template.parse(more.pop(name)) for name in ("prompt", "first_message") if name in more}
    return ElevenLabsDialect(settings(**texts, **more), brief or Brief(), FACTS, party)


def begun(**formats):
    """A conversation that is ready."""
    begun = dialect()
    begun.receive(wire(metadata(**formats)))
    return begun


def merged(parts):
    """These dicts as one, at every depth."""
    whole = {}
    for part in parts:
        for name, value in part.items():
            whole[name] = merged([whole.get(name, {}), value]) if isinstance(value, dict) else value
    return whole


PIECE = b"\xff\x7f"
ALIGNMENT = {"chars": ["a"], "char_start_times_ms": [0], "char_durations_ms": [9]}
PART = {"text": "x", "type": "delta", "event_id": 1}
HANDLED = [
    ("audio", audio(1), [Audio(PIECE, "1")]),
    ("audio with its alignment", merged([audio(0), {"audio_event": {"alignment": ALIGNMENT}}]), [Audio(PIECE, "1")]),
    ("the older audio", old_audio(), [Audio(PIECE, "1")]),
    ("no audio", audio(1, b""), []),
    ("a text", said("Hello!\n"), [AgentSaid("Hello!", "1")]),
    ("a text without its number", event("agent_response", {"agent_response": "Hi"}), [AgentSaid("Hi", "1")]),
    ("no text", said(" \n"), []),
    (
        "a correction",
        event(
            "agent_response_correction",
            {"original_agent_response": "a b", "corrected_agent_response": "a", "event_id": 1},
        ),
        [Corrected("a")],
    ),
    ("an interruption", interruption(3), [Interrupted()]),
    ("an interruption of nothing", {"type": "interruption"}, [Interrupted()]),
    ("a transcript", heard(" Yes, please. "), [CallerSaid("Yes, please.")]),
    ("a caller who keeps silent", heard("..."), []),
    ("a first guess", tentative("Ye"), [CallerActive()]),
    ("no guess", tentative(""), []),
    ("speech", event("vad_score", {"vad_score": 0.9}), [CallerActive()]),
    ("speech for sure", event("vad_score", {"vad_score": 1}), [CallerActive()]),
    ("no speech", event("vad_score", {"vad_score": 0.2}), []),
    ("a ping", event("ping", {"event_id": 7, "ping_ms": 900}), [Reply('{"type":"pong","event_id":7}')]),
    ("the first ping", event("ping", {"event_id": 0, "ping_ms": None}), [Reply('{"type":"pong","event_id":0}')]),
    ("a tool", tool_call({"day": "Mon", "n": 2}), [ToolCall("c1", "book", {"day": "Mon", "n": 2})]),
    ("a tool without parameters", tool_call(None), [ToolCall("c1", "book", {})]),
    ("a tool with none that can be used", tool_call([1]), [ToolCall("c1", "book", None)]),
    ("a tool with text for them", tool_call("Mon"), [ToolCall("c1", "book", None)]),
    ("the end", tool_response("end_call"), [Ended(Outcome("completed"))]),
    (
        "the end in full",
        tool_response("end_call", "agent_tool_response_full_payload", full_tool_result="x"),
        [Ended(Outcome("completed"))],
    ),
    ("an end that failed", tool_response("end_call", is_error=True), []),
    ("another tool of its own", tool_response("language_detection"), []),
    ("an MCP call", mcp_call("loading"), []),
    ("an MCP success", mcp_call("success", result=[{}]), []),
    ("an MCP failure", mcp_call("failure", error_message="x"), []),
    ("MCP servers", mcp_status(True, True), []),
    ("no MCP servers", mcp_status(), []),
]
TROUBLE = [
    ("an MCP server that is away", mcp_status(True, False), "MCP server"),
    ("a guardrail", {"type": "guardrail_triggered"}, "guardrail"),
    ("a transfer of its own", tool_response("transfer_to_number", is_error=True), "`transfer_to_number`"),
    ("an approval", mcp_call("awaiting_approval", approval_timeout_secs=300), "approval"),
]
SILENT = [
    event("agent_chat_response_part", PART, "text_response_part"),
    event("agent_reasoning_response_part", {**PART, "event_id": "1"}, "reasoning_response_part"),
    event(
        "agent_tool_request",
        {"tool_name": "t", "tool_call_id": "c", "tool_type": "client", "event_id": 1},
        "agent_tool_request",
    ),
    event("context_usage", {"event_id": 1, "model": "m", "context_tokens": 1, "context_limit_tokens": 2}),
    event("asr_initiation_metadata", {}),
    event("internal_turn_probability", {"turn_probability": 0.5}, "turn_probability_internal_event"),
    event(
        "internal_tentative_agent_response",
        {"tentative_agent_response": "x"},
        "tentative_agent_response_internal_event",
    ),
    event("agent_typing", {"is_typing": True}),
    event("external_agent_connected", {}),
    {"type": "external_agent_disconnected"},
    event("rich_content", {"rich_content_id": "r", "component": "c", "props": {}, "event_id": 1}, "rich_content"),
    {"type": "agent_response_metadata", "anything": [1]},
    {"type": "agent_response_complete"},
]
BAD = [
    ("nothing", b"", "not JSON of that shape"),
    ("not JSON", b"hello", "not JSON of that shape"),
    ("not UTF-8", b'{"type":"\xff"}', "a type that is no text"),
    ("half a character", '{"type":"\ud800"}', "not JSON of that shape"),
    ("half a character, escaped", b'{"type":"\\ud800"}', "not JSON of that shape"),
    ("a list", b"[]", "not JSON of that shape"),
    ("deep as a well", b'{"type":"audio","x":' + b"[" * 100_000, "not JSON of that shape"),
    ("no type", b"{}", "no type"),
    ("a number for a type", b'{"type":1}', "a type that is no text"),
    ("a caller's words for a type", {"type": "my PIN is 4821"}, "a type that is no word"),
    ("a long type", {"type": "x" * 65}, "a type that is no word"),
    ("an unknown one", {"type": "dtmf_request", "x": 1}, "dtmf_request"),
    ("audio without audio", {"type": "audio"}, "audio (malformed)"),
    ("audio that is a number", event("audio", {"audio_base_64": 1, "event_id": 1}), "audio (malformed)"),
    ("bad base64", event("audio", {"audio_base_64": "!!!!", "event_id": 1}), "audio (not base64)"),
    ("broken base64", event("audio", {"audio_base_64": "/38", "event_id": 1}), "audio (not base64)"),
    ("base64 that is not ASCII", event("audio", {"audio_base_64": "é", "event_id": 1}), "audio (not base64)"),
    ("a huge number", b'{"type":"ping","ping_event":{"event_id":1%s}}' % (b"0" * 5000), "ping (malformed)"),
    ("a number that is none", event("ping", {"event_id": True}), "ping (malformed)"),
    ("NaN", b'{"type":"vad_score","vad_score_event":{"vad_score":NaN}}', "not JSON of that shape"),
    ("infinity", b'{"type":"vad_score","vad_score_event":{"vad_score":1e999}}', "vad_score (malformed)"),
    ("a score over 1", event("vad_score", {"vad_score": 7}), "vad_score (malformed)"),
    ("no name", event("client_tool_call", {"tool_call_id": "c"}, "client_tool_call"), "client_tool_call (malformed)"),
    ("a body that is a list", {"type": "interruption", "interruption_event": []}, "interruption (malformed)"),
]  # fmt: skip


class ReceiveTests(SynchronousTestCase):
    def received(self, dialect, *messages):
        """All that these messages mean."""
        return [event for message in messages for event in dialect.receive(wire(message))]

    def test_interface(self):
        """It is an IAgentDialect."""
        self.assertTrue(verifyObject(IAgentDialect, dialect()))

    def test_handled(self):
        """Every event that means something."""
        for name, message, events in HANDLED:
            self.assertEqual(self.received(begun(), message), events, name)

    @given(
        st.lists(
            st.fixed_dictionaries(
                {
                    "audio_base_64": st.sampled_from(
                        ["fw==" * 90, base64.b64encode(b"\x7f" * 320).decode(), "A" * 401, "é" * 300]
                    )
                },
                optional={"event_id": st.sampled_from([1, 1, 2, 3, None, "2", 2**60])},
            ),
            max_size=6,
        )
    )
    def test_audio_in_one_go(self, pieces):
        """Long audio is read in one go, and means what it means when it is read part by part."""
        whole, parts = begun(), begun()
        for piece in pieces:
            text = json.dumps({"audio_event": piece, "type": "audio"})
            got = whole.receive(text)
            with mock.patch.object(elevenlabs, "_LONG", 10**9):
                self.assertEqual(got, parts.receive(text))

    def test_trouble(self):
        """What an operator should know of, while the conversation goes on."""
        for name, message, word in TROUBLE:
            *others, trouble = self.received(begun(), message)
            self.assertIsInstance(trouble, Trouble, name)
            self.assertIn(word, trouble.reason)
            self.assertEqual(len(others), name == "an approval", name)

    def test_ignored(self):
        """Every event that means nothing to a telephone call, on purpose."""
        for message in SILENT:
            self.assertEqual(self.received(begun(), message), [], message["type"])
        self.assertEqual({message["type"] for message in SILENT}, IGNORED)

    def test_the_whole_contract(self):
        """No event of the contract is unknown, and those of these tests are as it says."""
        if not available():
            raise SkipTest("the vendor's document is not here")
        older = ("the older audio", "a text without its number", "an interruption of nothing")
        tolerated = {"a tool without parameters", "a tool with none that can be used", "a tool with text for them"}
        messages = [one for name, one, _ in HANDLED + TROUBLE if name not in tolerated and name not in older]
        messages += [metadata(), failed("llm_timeout", 1002), *SILENT[:-2]]
        for message in messages:
            if message["type"] != "mcp_tool_call":  # its schema contradicts itself: allOf with additionalProperties
                documented("sent", message)

    def test_bad(self):
        """Every bad message is Unknown, by a name that gives nothing away."""
        for name, message, kind in BAD:
            self.assertEqual(self.received(begun(), message), [Unknown(kind)], name)

    def test_ready(self):
        """Ready once, when the formats are ours or can be converted; audio before it goes nowhere."""
        fresh = dialect()
        early = Unknown("audio before conversation_initiation_metadata")
        self.assertEqual(self.received(fresh, audio(1)), [early])
        self.assertEqual(self.received(fresh, metadata(), metadata()), [Ready("conv_1")])
        self.assertEqual(self.received(dialect(), metadata("pcm_8000", "pcm_8000")), [Ready("conv_1")])

    def test_wrong_formats(self):
        """A format that nobody can convert ends the conversation, and says which tab to open."""
        for formats, tab in ((("opus", "ulaw_8000"), "Voice tab"), (("ulaw_8000", "x"), "Advanced tab")):
            (event,) = self.received(dialect(), metadata(*formats))
            self.assertIsInstance(event, Failed)
            self.assertIn(tab, event.reason)

    def test_converted(self):
        """An agent that speaks and hears PCM is understood; odd bytes wait for the rest of their sample."""
        pcm = begun(spoken="pcm_8000", heard="pcm_8000")
        self.assertEqual(self.received(pcm, audio(1, b"\0")), [])
        self.assertEqual(self.received(pcm, audio(1, b"\0\0\0")), [Audio(b"\xff\xff", "1")])
        (sent,) = pcm.audio(b"\xff")
        self.assertEqual(json.loads(sent), {"user_audio_chunk": "AAA="})

    def test_what_a_converter_holds_back(self):
        """The end of something said is said before it is Spoken."""
        try:
            pcm = begun(spoken="pcm_16000")
        except ImportError:
            raise SkipTest("the extra `local` is not installed") from None
        first = self.received(pcm, audio(1, b"\0" * 3200))
        rest, spoken = self.received(pcm, heard("..."))
        self.assertEqual(spoken, Spoken("1"))
        self.assertEqual(sum(len(event.audio) for event in [*first, rest]), 800)


class TurnTests(SynchronousTestCase):
    received = ReceiveTests.received

    def test_one_turn(self):
        """All audio of a turn is one item, whether its text comes first, between or last, whatever its numbers."""
        for numbers in ((5, 5, 5), (5, 6, 7)):
            for place in range(4):
                messages = [audio(number) for number in numbers]
                messages.insert(place, said("Hello", 5))
                items = {event.item for event in self.received(begun(), *messages)}
                self.assertEqual(items, {"1"}, (numbers, place))

    def test_next_turn(self):
        """What the caller said ends an item; the answer is another."""
        events = self.received(begun(), said("A"), audio(1), heard("Yes"), said("B", 2), audio(2))
        b = [AgentSaid("B", "2"), Audio(PIECE, "2")]
        self.assertEqual(events, [AgentSaid("A", "1"), Audio(PIECE, "1"), Spoken("1"), CallerSaid("Yes"), *b])

    def test_second_text(self):
        """So does a second text: an agent may go on by itself."""
        events = self.received(begun(), said("A"), audio(1), said("B", 2), audio(2))
        b = [AgentSaid("B", "2"), Audio(PIECE, "2")]
        self.assertEqual(events[2:], [Spoken("1"), *b])

    def test_texts_alone(self):
        """What was never heard is never Spoken."""
        events = self.received(begun(), said("A"), said("B", 2), heard("Yes"))
        self.assertEqual(events, [AgentSaid("A", "1"), AgentSaid("B", "2"), CallerSaid("Yes")])

    def test_the_end(self):
        """The agent's goodbye is complete when it hangs up."""
        events = self.received(begun(), audio(1), tool_response("end_call"))
        self.assertEqual(events[1:], [Spoken("1"), Ended(Outcome("completed"))])

    def test_interrupted(self):
        """After an interruption nothing of what was interrupted is heard; the answer is, as another item."""
        events = self.received(begun(), audio(4), audio(5), interruption(5), audio(4), audio(5), audio(6))
        self.assertEqual(events[2:], [Interrupted(), Audio(PIECE, "2")])

    def test_interrupted_from_the_first_number(self):
        """Event 0 is an event."""
        events = self.received(begun(), audio(0), interruption(0), audio(0), audio(1))
        self.assertEqual(events[1:], [Interrupted(), Audio(PIECE, "2")])

    def test_an_answer_with_the_interruptions_number(self):
        """An answer may carry the interruption's own number, when nothing did before (elevenlabs-python#829)."""
        events = self.received(begun(), audio(4), interruption(6), audio(5), audio(6), audio(6))
        self.assertEqual(events[1:], [Interrupted(), Audio(PIECE, "2"), Audio(PIECE, "2")])

    def test_interrupted_before_its_first_sound(self):
        """A text is of a response as well: its audio is not heard once it was interrupted."""
        events = self.received(begun(), said("A", 6), interruption(6), audio(6), audio(7))
        self.assertEqual(events[1:], [Interrupted(), Audio(PIECE, "2")])

    def test_a_late_text(self):
        """The text of what was interrupted is still of that item."""
        events = self.received(begun(), audio(5), interruption(5), said("A", 5), said("B", 6))
        self.assertEqual(events[2:], [AgentSaid("A", "1"), AgentSaid("B", "2")])

    def test_an_interruption_without_a_number(self):
        """It ends the item; what comes then cannot be told apart, and is heard."""
        events = self.received(begun(), audio(1), {"type": "interruption"}, old_audio())
        self.assertEqual(events[1:], [Interrupted(), Audio(PIECE, "2")])

    def cut(self, dialect, *items):
        sent = dialect.interrupted([Cut(item, Heard(0.1, 0.2, cut=True)) for item in items])
        self.assertEqual(sent, [])

    def test_cut_by_us(self):
        """What we have cut is not heard any more, though ElevenLabs goes on; its next response is."""
        talk = begun()
        self.received(talk, audio(5))
        self.cut(talk, "1")
        self.assertEqual(self.received(talk, audio(5), audio(6)), [Audio(PIECE, "2")])

    def test_cut_and_understood(self):
        """What comes after the caller's words is an answer, whatever its number."""
        talk = begun()
        self.received(talk, audio(5))
        self.cut(talk, "1")
        self.assertEqual(self.received(talk, heard("Yes"), audio(5)), [CallerSaid("Yes"), Audio(PIECE, "2")])

    def test_cut_too_late(self):
        """When we are told of the cut the answer may have begun: it is not the one that was cut."""
        talk = begun()
        self.received(talk, audio(5), interruption(5), audio(6))
        self.cut(talk, "1")
        self.cut(talk)
        self.assertEqual(self.received(talk, audio(6)), [Audio(PIECE, "2")])


OVERRIDES = {
    "prompt": ("P", {"agent": {"prompt": {"prompt": "P"}}}),
    "first_message": ("Hi", {"agent": {"first_message": "Hi"}}),
    "language": ("de", {"agent": {"language": "de"}}),
    "voice": ("v1", {"tts": {"voice_id": "v1"}}),
    "llm": ("gpt-x", {"agent": {"prompt": {"llm": "gpt-x"}}}),
    "stability": (0.5, {"tts": {"stability": 0.5}}),
    "speed": (1.1, {"tts": {"speed": 1.1}}),
    "similarity_boost": (0.0, {"tts": {"similarity_boost": 0.0}}),
    "keywords": (("Ann",), {"asr": {"keywords": ["Ann"]}}),
    "client_events": (
        ("audio", "interruption", "conversation_initiation_metadata", "ping"),
        {"conversation": {"client_events": ["audio", "interruption", "conversation_initiation_metadata", "ping"]}},
    ),
}


class SendTests(SynchronousTestCase):
    def sent(self, messages):
        """The one message, which must be as the contract says."""
        (text,) = messages
        documented("received", json.loads(text))
        return json.loads(text)

    def test_plain_opening(self):
        """With nothing set, nothing is overridden; the agent is told of the call, and of no other agent's talk."""
        message = self.sent(dialect().opening())
        self.assertEqual(message.pop("source_info")["source"], "voiced")
        variables = {
            "caller": "+15550100",
            "called": "+15550199",
            "call_sid": "CA2",
            "call_caller": "+15550100",
            "call_called": "+15550199",
            "party_name": "Ann",
        }
        expected = {"type": "conversation_initiation_client_data", "dynamic_variables": variables}
        self.assertEqual(message, expected)

    @given(st.sets(st.sampled_from(sorted(OVERRIDES))))
    def test_every_override(self, chosen):
        """Those that are set are sent, and nothing else: no null, no empty object."""
        message = self.sent(dialect(**{name: OVERRIDES[name][0] for name in chosen}).opening())
        expected = merged(OVERRIDES[name][1] for name in chosen)
        self.assertEqual(message.get("conversation_config_override"), expected or None)
        self.assertNotIn("null", json.dumps(message))

    @given(st.sets(st.sampled_from(["prompt", "first_message", "language", "voice"])))
    def test_brief(self, chosen):
        """A step's brief goes before the settings, and an empty first message is one: the caller begins."""
        given = {name: "" if name == "first_message" else "fr" for name in chosen}
        always = {name: OVERRIDES[name][0] for name in ("prompt", "first_message", "language", "voice")}
        message = self.sent(dialect(Brief(**given), **always).opening())
        values = {**always, **given}
        override = message["conversation_config_override"]
        agent = {name: values[name] for name in ("first_message", "language")}
        self.assertEqual(override["agent"], {**agent, "prompt": {"prompt": values["prompt"]}})
        self.assertEqual(override["tts"], {"voice_id": values["voice"]})

    def test_facts(self):
        """The settings' own texts may hold facts; none are told where that is not wanted."""
        message = self.sent(dialect(first_message="Hi {call.caller|you}.", facts=False).opening())
        said = message["conversation_config_override"]["agent"]["first_message"]
        self.assertEqual(said, f"Hi {FACTS['call.caller']}.")
        self.assertEqual(message["dynamic_variables"], {})

    def test_refused(self):
        """A handshake that is answered otherwise: each status has its sentence."""
        for status, expected in ((401, "key"), (404, "`agent_id`"), (502, "trouble of its own")):
            self.assertIn(expected, dialect().refused(status).reason)

    def test_variables(self):
        """The brief's variables go before the facts; ElevenLabs' own names are never set."""
        brief = Brief(variables={"caller": "nobody", "system__time": "now", "order": "17"})
        variables = self.sent(dialect(brief).opening())["dynamic_variables"]
        self.assertEqual((variables["caller"], variables["order"]), ("nobody", "17"))
        self.assertFalse([name for name in variables if name.startswith("system__")])

    def test_user_id(self):
        """The caller's number is the `user_id` when it is asked for, and known."""
        self.assertEqual(self.sent(dialect(user_id=True).opening())["user_id"], "+15550100")
        self.assertNotIn("user_id", self.sent(dialect(user_id=True, party="").opening()))
        self.assertNotIn("user_id", self.sent(dialect().opening()))

    def test_audio(self):
        """The caller's bytes as they are, without a type; nothing before Ready, nothing of nothing."""
        self.assertEqual(self.sent(begun().audio(b"\xff\x7f\x00")), {"user_audio_chunk": "/38A"})
        self.assertEqual(begun().audio(b""), [])
        self.assertEqual(dialect().audio(b"\xff"), [])

    def test_keys(self):
        """Each note holds all keys so far, and takes the place of the one before."""
        talk = begun()
        first, second = self.sent(talk.key("1")), self.sent(talk.key("#"))
        self.assertEqual(first["context_id"], second["context_id"])
        self.assertTrue(second["text"].endswith("so far: 1 #"))
        for _ in range(200):
            last = self.sent(talk.key("0"))
        self.assertLess(len(last["text"]), 200)

    def test_tool_results(self):
        """All four keys, always."""
        for result in (ToolResult("done"), ToolResult("no", error=True), ToolResult("", leave=Outcome("handover"))):
            message = self.sent(begun().tool_result("c1", result))
            expected = {"tool_call_id": "c1", "result": result.text, "is_error": result.error}
            self.assertEqual(message, {"type": "client_tool_result", **expected})

    def test_replies(self):
        """So is what is answered at once."""
        for message in (event("ping", {"event_id": 0}), mcp_call("awaiting_approval", approval_timeout_secs=300)):
            reply, *_ = begun().receive(wire(message))
            self.sent([reply.text])

    def test_closing(self):
        """There is nothing to say at the end."""
        self.assertEqual(begun().closing(), [])


COMPLETED, TIMEOUT = Ended(Outcome("completed")), Ended(Outcome("timeout"))
SENTENCES = {
    "override_error": "Security tab",
    "missing_dynamic_variable": "`variables`",
    "missing_dynamic_variable_transfer": "`variables`",
    "invalid_message": "report this",
    "missing_fields": "report this",
    "value_error": "report this",
    "telephony_agent_error": "`agent_id`",
    "mcp_tool_error": "MCP",
    "mcp_https_error": "MCP",
    "auth": "`api_key`",
    "websocket_disconnect": "was lost",
    "safety_violation": "safety",
    "llm_timeout": "language model",
    "llm_error": "language model",
    "cascade_brain_error": "language model",
    "custom_llm_error": "custom LLM",
    "transport_receive_timeout": "heard nothing",
    "asr_transcription_error": "caller's audio",
    "vad_error": "caller's audio",
    "turn_probability_error": "caller's audio",
    "tts_cascade_error": "Voice tab",
    "asyncio_timeout": "trouble of its own",
    "http_exception": "trouble of its own",
    "redis_timeout_error": "trouble of its own",
    "unknown_websocket_crash": "trouble of its own",
    "unknown": "trouble of its own",
    "brand_new": "trouble of its own",
}
CLOSES = [
    (1000, "", COMPLETED),
    (1000, "max_duration_exceeded", TIMEOUT),
    (1002, "Maximum duration of 60 seconds exceeded", TIMEOUT),
    (None, "", "was lost"),
    (1006, "connection was closed uncleanly", "was lost"),
    (1002, "", "trouble of its own"),
    (1011, "", "trouble of its own"),
    (1008, "", "every override"),
    (1008, "Override for field 'first_message' is not allowed by config.", "`first_message`"),
    (1008, "Override for something is not allowed", "something that is set"),
    (1008, "Missing required dynamic variables in first message: {'name'}", "{{variable}}"),
    (1002, "This request exceeds your quota limit.", "no credits"),
    (1008, "Too many concurrent requests", "at once"),
    (3000, "The AI agent you are trying to reach does not exist.", "`agent_id`"),
    (3000, "", "`api_key`"),
    (1008, "Could not authenticate", "`api_key`"),
    (1008, "custom_llm generation failed", "custom LLM"),
    (4999, "?", "not said why"),
    (-5, "\ud800", "not said why"),
]


class EndTests(SynchronousTestCase):
    def check(self, event, expected, name):
        if isinstance(expected, str):
            self.assertIsInstance(event, Failed, name)
            self.assertIn(expected, event.reason, name)
            self.assertEqual(event.kind, "quota" if expected == "no credits" else "", name)
        else:
            self.assertEqual(event, expected, name)

    def test_errors(self):
        """Every type of error has its sentence, and none of the vendor's own words is in it."""
        secret = {"message": "You are a nice agent for +15550100", "reason": "sk_1", "debug_message": "a prompt"}
        for error_type, part in SENTENCES.items():
            (event,) = begun().receive(wire(failed(error_type, 1002, **secret)))
            self.check(event, part, error_type)
            self.assertNotIn("brand", event.reason)
            for word in secret.values():
                self.assertNotIn(word, event.reason)

    def test_errors_in_order(self):
        """An agent's own limit is no fault, and neither is an end in order."""
        for message, expected in (
            (failed("max_duration_exceeded", 1000), TIMEOUT),
            (failed(None, 1000), COMPLETED),
            (failed(None, 1008, reason="Override of `voice_id`"), "`voice_id`"),
            (event("error", {}), "trouble of its own"),
        ):
            self.check(begun().receive(wire(message))[0], expected, message)

    def test_handshake_without_credits(self):
        """A handshake that is refused for want of money is a quota, too; another is not."""
        kinds = [dialect().refused(status).kind for status in (402, 429)]
        self.assertEqual(kinds, ["quota", ""])

    def test_closes(self):
        """Every close code, with and without words that are known."""
        for code, reason, expected in CLOSES:
            self.check(begun().closed(code, reason), expected, (code, reason))

    @given(st.none() | st.integers(0, 5000), st.text())
    def test_any_close(self, code, reason):
        """Whatever the reason, it is an end, and no word of it is shown."""
        event = begun().closed(code, f"{reason} the caller said 4821")
        self.assertIsInstance(event, Ended | Failed)
        self.assertNotIn("4821", getattr(event, "reason", ""))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["audio", "/38=", 0, 1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
GOOD = [metadata(), failed("auth"), *(message for _, message, _ in HANDLED + TROUBLE if isinstance(message, dict))]


def spoilt(good):
    """That message with anything for its body, or anything in it."""
    (key, body), *_ = [(key, value) for key, value in good.items() if key != "type"] or [("x", {})]
    names = st.sampled_from([*(body if isinstance(body, dict) else {}), "x"])
    changed = st.dictionaries(names, JSON).map(lambda more: {**(body if isinstance(body, dict) else {}), **more})
    return (JSON | changed).map(lambda new: {**good, key: new})


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
        """Any of the vendor's messages with anything in it, one after the other."""
        for talk in (dialect(), begun(), begun(spoken="pcm_8000")):
            for message in messages:
                self.check(talk, message)

    @given(st.sampled_from(GOOD), st.integers(0, 300), st.binary(max_size=3))
    def test_any_damage(self, message, at, damage):
        """A good message with some bytes of it replaced."""
        text = wire(message).encode()
        self.check(begun(), text[:at] + damage + text[at + len(damage) :])

    @given(
        st.lists(
            st.integers(-1, 5).flatmap(
                lambda n: st.sampled_from([audio(n), said("x", n), interruption(n), heard("y")])
            )
        )
    )
    def test_any_order(self, messages):
        """In any order: an item once ended never comes back, and is Spoken at most once."""
        talk, over = begun(), set()
        for message in messages:
            for each in talk.receive(wire(message)):
                if isinstance(each, Audio):
                    self.assertNotIn(each.item, over)
                if isinstance(each, Spoken):
                    self.assertNotIn(each.item, over)
                    over.add(each.item)


class SettingsTests(SynchronousTestCase):
    def test_accepted(self):
        """The agent's id is enough; a key is never shown."""
        self.assertEqual(settings().base_url, "https://api.elevenlabs.io")
        self.assertNotIn(KEY, repr(settings(api_key=KEY, branch_id="b", environment="staging")))

    def test_refused(self):
        """What could not work is refused when the file is read."""
        for wrong in (
            {"agent_id": "../user"},
            {"agent_id": ""},
            {"api_key": ""},
            {"api_key": "sk_1\n"},
            {"branch_id": "b"},
            {"environment": "a b", "api_key": KEY},
            {"base_url": "wss://api.elevenlabs.io"},
            {"base_url": "https://key@api.elevenlabs.io"},
            {"language": "english"},
            {"voice": "../x"},
            {"prompt": ""},
            {"llm": "a b"},
            {"speed": 0.5},
            {"stability": 1.1},
            {"similarity_boost": -1},
            {"keywords": [""]},
            {"client_events": ["audio", "ping"]},
            {"client_events": ["audio", "noise"]},
            {"voice_id": "v"},
        ):
            self.assertRaises(msgspec.ValidationError, settings, **wrong)


SIGNED = "wss://api.elevenlabs.io/v1/convai/conversation?agent_id=a&conversation_signature=cvtkn_secret"


class DoorTests(SynchronousTestCase):
    def test_request(self):
        """A signed URL is asked for with the key in a header, and in no URL."""
        url, headers = request(settings(api_key=KEY, branch_id="b1", base_url="http://localhost:8080/proxy/"))
        path = "/v1/convai/conversation/get-signed-url"
        self.assertEqual(url, f"http://localhost:8080/proxy{path}?agent_id={AGENT}&branch_id=b1")
        self.assertEqual(headers, {"xi-api-key": KEY})
        self.assertRaises(ValueError, request, settings())

    def test_public(self):
        """A public agent's socket is where its host is."""
        for base, url in (("https://api.elevenlabs.io/", "wss://api.elevenlabs.io"), ("http://h:1", "ws://h:1")):
            door = public_door(settings(base_url=base))
            self.assertEqual(door.url, f"{url}/v1/convai/conversation?agent_id={AGENT}")

    def test_signed(self):
        """The socket of the answer, which is never shown."""
        for base, url in (
            ("https://api.elevenlabs.io", SIGNED),
            ("https://api.elevenlabs.io", SIGNED.replace("//api.", "//api.us.")),
            ("http://localhost:8080", "ws://localhost:9090/x?y=z"),
            ("https://proxy.example", "wss://PROXY.example/x"),
        ):
            door = signed_door(settings(base_url=base), json.dumps({"signed_url": url, "x": 1}).encode())
            self.assertEqual(door.url, url)
            self.assertNotIn(url, repr(door))

    def test_elsewhere(self):
        """One that leads to another host, or without TLS, is refused; and it is not shown either."""
        for url in (
            SIGNED.replace("elevenlabs.io", "evil.example"),
            SIGNED.replace("elevenlabs.io", "elevenlabs.io.evil.example"),
            SIGNED.replace("wss:", "ws:"),
        ):
            body = json.dumps({"signed_url": url}).encode()
            error = self.assertRaises(AgentError, signed_door, settings(), body)
            self.assertIn("base_url", str(error))
            self.assertNotIn("secret", str(error))

    def test_no_url(self):
        """What is no socket's URL is refused as well."""
        bodies = [b"", b"<html>", b"[]", b"{}", b'{"signed_url": 1}', b"[" * 100_000]
        urls = ("", "https://api.elevenlabs.io/", "wss://", "wss://u:p@api.elevenlabs.io/", "wss://h:x/", "wss://[",
                "wss://api.elevenlabs.io/ \r\n", "wss://é.elevenlabs.io/")  # fmt: skip
        for body in bodies + [json.dumps({"signed_url": url}).encode() for url in urls]:
            error = self.assertRaises(AgentError, signed_door, settings(), body)
            self.assertIn("without a signed URL", str(error))

    def test_refusals(self):
        """Each refusal says what to do; the vendor's message is not shown."""
        for status, detail, part in (
            (401, {"type": "authentication_error", "code": "invalid_api_key", "message": KEY}, "api_key"),
            (401, {"status": "quota_exceeded", "message": KEY}, "credits"),
            (401, "nonsense", "api_key"),
            (402, None, "credits"),
            (403, {"status": "missing_permissions"}, "needs access"),
            (404, {"status": "agent_not_found"}, AGENT),
            (422, [{"loc": ["query", "agent_id"], "msg": KEY}], "`agent_id`"),
            (429, {"code": "concurrent_limit_exceeded"}, "at once"),
            (429, {}, "fewer requests"),
            (307, None, "redirects"),
            (503, None, "trouble of its own"),
            (418, {"code": 7, "status": [1]}, "check the agent's settings"),
        ):
            error = refusal(settings(api_key=KEY), status, json.dumps({"detail": detail}).encode())
            self.assertIn(part, str(error), status)
            self.assertIn(str(status), str(error))
            self.assertNotIn(KEY, str(error))
            self.assertEqual(error.kind, "quota" if part == "credits" else "refused", status)

    @given(st.integers(100, 599), st.binary())
    def test_any_refusal(self, status, body):
        """Any body at all."""
        self.assertIsInstance(refusal(settings(), status, body), AgentError)

    def test_key_is_a_secret(self):
        """The settings' own type of key."""
        self.assertIsInstance(settings(api_key=KEY).api_key, Secret)

"""The double of ElevenLabs: what it serves, what it says by itself and by hand, and how it can fail."""

import json
from base64 import b64decode, b64encode
from urllib.parse import urlsplit

import attrs
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.agent_schema import Undocumented, available, documented
from voiced.simulator.elevenlabs import AGENT_ID, API_KEY, Agent, ElevenLabs
from voiced.simulator.memory import MemoryNetwork, elapse, tell_autobahn
from voiced.simulator.vendors.agent_audio import Ear, Speech, from_mulaw, spell, to_mulaw
from voiced.simulator.vendors.elevenlabs_script import (
    AwaitsQuiet,
    AwaitsSpeech,
    CallsTool,
    Corrects,
    Drops,
    Ends,
    Fails,
    Floods,
    Hears,
    Interrupts,
    Pings,
    Says,
    Sends,
    Stalls,
    Waits,
)

HOST = "api.elevenlabs.io"
INITIATION = {"type": "conversation_initiation_client_data"}
LOUD, QUIET = b"\x10" * 160, b"\xff" * 160


class Client(WebSocketClientProtocol):
    """A WebSocket that remembers."""

    tcpNoDelay = True

    def __init__(self):
        super().__init__()
        self.heard, self.raw, self.end = [], [], None

    def onMessage(self, payload, isBinary):
        self.raw.append(payload)
        if not isBinary and payload[:1] == b"{":
            self.heard.append(json.loads(payload))

    def onClose(self, wasClean, code, reason):
        self.end = (code, reason or "")

    def say(self, message):
        self.sendMessage(message if isinstance(message, bytes) else json.dumps(message).encode())

    def types(self):
        return [message["type"] for message in self.heard]

    def events(self, kind):
        """What came of that type: the object beside the type."""
        return [next(v for k, v in one.items() if k != "type") for one in self.heard if one["type"] == kind]


class VendorTestCase(SynchronousTestCase):
    """A vendor in memory, and clients of it."""

    def setUp(self):
        self.clock = Clock()
        self.addCleanup(tell_autobahn(self.clock))
        self.network = MemoryNetwork(self.clock)
        self.sockets = []

    def tearDown(self):
        """No timers are left when everybody has gone."""
        for client in self.sockets:
            client.transport.abortConnection()
        self.passes(10)
        waiting = [due for due in self.clock.getDelayedCalls() if "_updateLogDateTime" not in repr(due.func)]
        self.assertEqual(waiting, [])

    def passes(self, seconds=0):
        elapse(self.clock, seconds)

    def request(self, method, url, seconds=0, **more):
        """Status and body of an answer, or None if there is none in that time."""
        pending = self.network.http().request(method, url, reactor=self.clock, **more)
        self.passes(seconds)
        answers = []
        pending.addCallbacks(answers.append, lambda _: None)
        if not answers:
            pending.cancel()
            return None
        response = answers[0]
        body = response.content()
        self.passes(seconds)
        return response, self.successResultOf(body)

    def open(self, url, headers=None, seconds=0):
        """A socket to that URL."""
        factory = WebSocketClientFactory(url, headers=headers or {}, reactor=self.clock)
        factory.setProtocolOptions(failByDrop=False)
        factory.protocol = Client
        connecting = self.network.endpoint(urlsplit(url).hostname).connect(factory)
        self.passes(seconds)
        client = self.successResultOf(connecting)
        self.sockets.append(client)
        return client


class ElevenLabsTestCase(VendorTestCase):
    """The vendor is ElevenLabs."""

    def setUp(self):
        super().setUp()
        self.lives(documented)

    def lives(self, check):
        """There is a double that checks messages so."""
        self.network.forget(HOST)
        self.double = ElevenLabs(self.clock, check=check)
        self.network.listen(HOST, self.double.site())

    def sign(self, query=f"agent_id={AGENT_ID}", key=API_KEY, seconds=0):
        headers = {"xi-api-key": key} if key else {}
        url = f"http://{HOST}/v1/convai/conversation/get-signed-url?{query}"
        answer = self.request("GET", url, seconds, headers=headers)
        return answer and (answer[0].code, json.loads(answer[1]))

    def connect(self, *script, agent=None, initiation=INITIATION):
        """A conversation of that agent with that script, begun with that initiation."""
        self.double.agent = agent or Agent()
        if script:
            self.double.expect(*script)
        client = self.open(self.sign()[1]["signed_url"])
        if initiation is not None:
            client.say(initiation)
        self.passes()
        return client, self.double.conversations[-1]

    def speak(self, client, *chunks):
        for chunk in chunks:
            client.say({"user_audio_chunk": b64encode(chunk).decode()})
        self.passes()


class SignedUrlTests(ElevenLabsTestCase):
    def test_signed(self):
        """A signed URL leads to where it was asked for, and names the agent."""
        status, body = self.sign()
        self.assertEqual(status, 200)
        wanted = f"ws://{HOST}/v1/convai/conversation?agent_id={AGENT_ID}&conversation_signature="
        self.assertTrue(body["signed_url"].startswith(wanted), body)

    def test_public_url(self):
        """Or to the public URL that the double was given."""
        self.network.forget(HOST)
        self.network.listen(HOST, ElevenLabs(self.clock, public_url="wss://eleven.test/").site())
        self.assertTrue(self.sign()[1]["signed_url"].startswith("wss://eleven.test/v1/convai/conversation?"))

    def test_refusals(self):
        """A wrong key, none, no agent, another's agent."""
        found = [self.sign(key="sk_wrong"), self.sign(key=""), self.sign("agent_id=x"), self.sign("agent=x")]
        self.assertEqual([status for status, _ in found], [401, 401, 404, 422])
        codes = [body["detail"]["code"] for _, body in found[:3]]
        self.assertEqual(codes, ["invalid_api_key", "missing_api_key", "agent_not_found"])

    def test_faults(self):
        """So many requests fail in the vendor's words, and then all is well."""
        for status in (401, 404, 429, 500, 503):
            self.double.signed_url.fail(status)
            found, body = self.sign()
            self.assertEqual((found, set(body["detail"]) >= {"type", "code", "message"}), (status, True))
        self.double.signed_url.fail(429, body={"detail": "slow down"})
        self.assertEqual(self.sign(), (429, {"detail": "slow down"}))
        self.assertEqual(self.sign()[0], 200)

    def test_late(self):
        """An answer may take its time."""
        self.double.signed_url.after = 3.0
        self.assertIsNone(self.sign(seconds=2.9))
        self.assertEqual(self.sign(seconds=3)[0], 200)

    def test_never(self):
        """Or not come at all."""
        self.double.signed_url.fail(None)
        self.assertIsNone(self.sign(seconds=500))

    def test_requests(self):
        """What was asked is kept."""
        self.sign()
        asked = self.double.requests[0]
        self.assertEqual(
            (asked.method, asked.query, asked.headers["xi-api-key"]), ("GET", {"agent_id": AGENT_ID}, API_KEY)
        )

    def test_elsewhere(self):
        """Other paths are not there."""
        self.assertEqual(self.request("GET", f"http://{HOST}/v1/voices")[0].code, 404)


class HandshakeTests(ElevenLabsTestCase):
    def turned_away(self, url):
        client = self.open(url)
        self.passes()
        return client.end is not None and self.double.conversations[-1].closed

    def test_signature(self):
        """A signature opens its agent's conversations for 15 minutes, and nobody else's."""
        self.double.agents["agent_other"] = Agent()
        url = self.sign()[1]["signed_url"]
        self.assertFalse(self.turned_away(url))
        self.assertFalse(self.turned_away(url))
        self.assertEqual(self.turned_away(url.replace(AGENT_ID, "agent_other")).code, 1008)
        self.assertEqual(self.turned_away(url + "0").reason, "The conversation signature is not valid.")
        self.passes(15 * 60 + 1)
        self.assertEqual(self.turned_away(url).code, 1008)

    def test_late_signatures(self):
        """What is good for nothing any more is not kept."""
        for _ in range(3):
            self.sign()
            self.passes(15 * 60 + 1)
        self.sign()
        self.assertEqual(len(self.double._tickets), 1)

    def test_single_use(self):
        """A signature that came with a conversation id is good once."""
        url = self.sign(f"agent_id={AGENT_ID}&include_conversation_id=true")[1]["signed_url"]
        self.assertFalse(self.turned_away(url))
        self.assertEqual(self.turned_away(url).code, 1008)

    def test_public(self):
        """A public agent needs no signature, a private one does, and one that is not there has nothing to say."""
        url = f"ws://{HOST}/v1/convai/conversation?agent_id="
        self.assertEqual(self.turned_away(url + AGENT_ID).code, 1008)
        self.assertEqual(self.turned_away(url + "agent_x").code, 1008)
        self.double.agent = Agent(public=True, unauthorized=3000)
        self.assertFalse(self.turned_away(url + AGENT_ID))

    def test_refused(self):
        """A handshake may be refused."""
        self.double.agent = Agent(refuse=403)
        client = self.open(self.sign()[1]["signed_url"])
        self.assertIn("403", client.end[1])
        self.assertEqual(self.double.conversations, [])

    def test_told(self):
        """Whoever wants to know is told of each conversation."""
        told = []
        self.double.on_conversation = told.append
        _, talk = self.connect()
        self.assertEqual(told, [talk])


class InitiationTests(ElevenLabsTestCase):
    def refused(self, agent=None, **initiation):
        client, talk = self.connect(agent=agent, initiation=INITIATION | initiation)
        self.assertEqual(talk.closed is None, talk.bad is None)
        return talk.bad and (client.events("error")[-1]["error_type"], talk.closed.code)

    def test_metadata(self):
        """The formats of the agent come back, and what was sent is kept."""
        client, talk = self.connect(agent=Agent(output_format="pcm_16000"))
        event = {"agent_output_audio_format": "pcm_16000", "user_input_audio_format": "ulaw_8000"}
        event["conversation_id"] = talk.id
        self.assertEqual(client.events("conversation_initiation_metadata"), [event])
        self.assertEqual((talk.initiation, talk.query["agent_id"]), (INITIATION, AGENT_ID))

    def test_late(self):
        """Metadata may come late; the script waits for it."""
        client, _ = self.connect(Says("Hello"), agent=Agent(metadata_after=2))
        self.assertEqual(client.heard, [])
        self.passes(2)
        self.assertEqual(client.types(), ["conversation_initiation_metadata", "agent_response", "audio"])

    def test_never(self):
        """Or never."""
        client, _ = self.connect(Says("Hello"), agent=Agent(metadata_after=None))
        self.passes(30)
        self.assertEqual(client.heard, [])

    def test_overrides(self):
        """What the agent's Security page does not allow is an error, even if it is null."""
        agent = Agent(overrides=["agent.first_message", "tts"])
        override = {"agent": {"first_message": "Hello"}, "tts": {"voice_id": "v", "speed": 1.0}, "asr": {}}
        self.assertIsNone(self.refused(agent, conversation_config_override=override))
        override["agent"]["prompt"] = {"prompt": None}
        self.assertEqual(self.refused(agent, conversation_config_override=override), ("override_error", 1008))

    def test_variables(self):
        """Variables that the prompt uses have to be there, and those of the system are the system's."""
        agent = Agent(variables=["name"])
        self.assertIsNone(self.refused(agent, dynamic_variables={"name": "Ann"}))
        self.assertEqual(self.refused(agent, dynamic_variables={}), ("missing_dynamic_variable", 1008))
        self.assertEqual(self.refused(dynamic_variables={"system__x": 1}), ("value_error", 1008))
        self.assertEqual(self.refused(dynamic_variables={"x": [1]}), ("value_error", 1008))

    def test_objects(self):
        """What should be an object is one."""
        self.lives(lambda direction, message: None)
        self.assertEqual(self.refused(conversation_config_override="x"), ("value_error", 1008))

    def test_client_events(self):
        """Only the events that are enabled are sent, and an override decides where it is allowed."""
        client, _ = self.connect(Says("Hi"), Interrupts(), agent=Agent(client_events=["audio"]))
        self.assertEqual(client.types(), ["audio"])
        wanted = {"conversation": {"client_events": ["agent_response"]}}
        initiation = INITIATION | {"conversation_config_override": wanted}
        client, _ = self.connect(Says("Hi"), agent=Agent(overrides=["conversation"]), initiation=initiation)
        self.assertEqual(client.types(), ["agent_response"])

    def test_first(self):
        """Nothing may come before it, and it may come once."""
        audio = {"user_audio_chunk": "AAAA"}
        for initiation, then in ((None, audio), (None, {"type": "user_activity"}), (INITIATION, INITIATION)):
            client, talk = self.connect(initiation=initiation)
            client.say(then)
            self.passes()
            self.assertEqual(
                (talk.bad.error_type, talk.closed.code, client.types()[-1]), ("invalid_message", 1008, "error")
            )


class SpeakingTests(ElevenLabsTestCase):
    def test_says(self):
        """A text and its audio come with one event id."""
        client, _ = self.connect(Says("Hi"))
        self.assertEqual(client.events("agent_response"), [{"agent_response": "Hi", "event_id": 1}])
        audio = client.events("audio")
        self.assertEqual([(b64decode(one["audio_base_64"]), one["event_id"]) for one in audio], [(spell("Hi"), 1)])

    def test_by_hand(self):
        """Event ids go on, or are given; audio may come in pieces, before its text, and in the old shape."""
        client, talk = self.connect(agent=Agent(first_event=0))
        talk.says("a", text_first=False, pieces=2)
        talk.says("b", event_id=7, audio=b"\x01", legacy=True)
        talk.says("c")
        self.passes()
        ids = [one["event_id"] for one in client.events("agent_response")]
        self.assertEqual(client.types()[1:4], ["audio", "audio", "agent_response"])
        self.assertEqual((ids, client.events("audio")[2]), ([0, 7, 8], {"chunk": "AQ=="}))

    def test_paced(self):
        """Pieces may come slowly, and what is left is not sent after an interruption."""
        client, talk = self.connect(Says("Hello", pieces=5, pace=0.1), Hears("Stop"))
        self.passes(0.21)
        talk.interrupts()
        self.passes(5)
        self.assertEqual(client.types()[2:], ["audio"] * 3 + ["interruption", "user_transcript"])
        self.assertEqual(client.events("interruption"), [{"event_id": 1}])

    def test_formats(self):
        """What the agent says is in its format, and can be heard again."""
        client, _ = self.connect(Says("Hi"), agent=Agent(output_format="pcm_16000"))
        sound = b64decode(client.events("audio")[0]["audio_base_64"])
        self.assertEqual((len(sound), to_mulaw(sound, "pcm_16000")), (4 * len(spell("Hi")), spell("Hi")))
        self.assertEqual(len(from_mulaw(QUIET, "pcm_22050")), 441 * 2)

    def test_corrects(self):
        """What was heard of a text is said after an interruption."""
        client, _ = self.connect(Says("Hello Ann"), Interrupts(), Corrects("Hello Ann", "Hello"))
        wanted = {"original_agent_response": "Hello Ann", "corrected_agent_response": "Hello", "event_id": 1}
        self.assertEqual(client.events("agent_response_correction"), [wanted])

    def test_waits(self):
        """A script waits, and gives what was said the time to be heard."""
        client, _ = self.connect(Waits(1), Says("Hi"), AwaitsQuiet(), Hears("Hello"))
        self.passes(1.05)
        self.assertEqual(client.types()[1:], ["agent_response", "audio"])
        self.passes(0.1)
        self.assertEqual(client.types()[3:], ["user_transcript"])


class HearingTests(ElevenLabsTestCase):
    def test_audio(self):
        """The caller's audio is kept."""
        client, talk = self.connect()
        self.speak(client, LOUD, QUIET)
        self.assertEqual((bytes(talk.audio), talk.chunks), (LOUD + QUIET, 2))

    def test_speech(self):
        """A script waits until the caller has spoken and stopped."""
        client, _ = self.connect(AwaitsSpeech(), Says("I see"))
        self.speak(client, *[QUIET] * 50, *[LOUD] * 10, *[QUIET] * 10)
        self.assertEqual(client.types()[1:], [])
        self.speak(client, *[QUIET] * 10)
        self.assertEqual(client.types()[1:], ["agent_response", "audio"])

    def test_interruption(self):
        """An agent may interrupt itself when the caller gets loud, while it speaks and not later."""
        client, _ = self.connect(Says("Hello"), agent=Agent(interrupt_above=500.0))
        self.speak(client, QUIET, LOUD)
        self.assertEqual(client.events("interruption"), [{"event_id": 1}])
        self.speak(client, *[QUIET] * 30, LOUD)
        self.assertEqual(len(client.events("interruption")), 1)

    def test_ear(self):
        """Speech begins with what is loud, whatever its format, and ends after a pause."""
        ear = Ear(pause=0.04)
        heard = [ear.hear(chunk) for chunk in (QUIET, LOUD + QUIET + LOUD, b"", QUIET, QUIET + QUIET, LOUD)]
        self.assertEqual(heard, [[], [Speech.BEGINS], [], [], [Speech.ENDS], [Speech.BEGINS]])
        self.assertEqual((ear.speaking, Ear().speaking), (True, False))

    def test_tool(self):
        """A tool is called, the script waits for its result, and the result is kept."""
        client, talk = self.connect(CallsTool("transfer_call", {"to": "ann"}), Says("Done"))
        call = client.events("client_tool_call")[0]
        self.assertEqual((call["tool_name"], call["parameters"]), ("transfer_call", {"to": "ann"}))
        self.assertNotIn("agent_response", client.types())
        result = {"tool_call_id": call["tool_call_id"], "result": "no", "is_error": True}
        client.say({"type": "client_tool_result", **result})
        self.passes()
        self.assertEqual(([attrs.asdict(one) for one in talk.tool_results], client.types()[-1]), ([result], "audio"))

    def test_tool_by_hand(self):
        """By hand there is a Deferred, which fires with None when the conversation ends first."""
        client, talk = self.connect(CallsTool("x", wait=False), Says("Hm"))
        result = talk.calls_tool("hang_up", call_id="t1")
        self.passes()
        self.assertEqual(client.events("client_tool_call")[1]["tool_call_id"], "t1")
        client.sendClose(1000)
        self.passes()
        self.assertIsNone(self.successResultOf(result))

    def test_pong(self):
        """A ping waits for its pong, an id of 0 too."""
        client, talk = self.connect(Pings(ping_ms=40), Says("Hi"), agent=Agent(first_event=0))
        self.assertEqual(client.events("ping"), [{"event_id": 0, "ping_ms": 40}])
        client.say({"type": "pong", "event_id": 0})
        self.passes()
        self.assertEqual((talk.pongs, client.types()[-1]), ([0], "audio"))

    def test_messages(self):
        """Context, text and the rest are kept."""
        client, talk = self.connect()
        update = {"type": "contextual_update", "text": "It rains.", "context_id": "weather"}
        for message in (update, {"type": "user_message", "text": "Hi"}, {"type": "user_activity"}):
            client.say(message)
        self.passes()
        self.assertEqual((talk.context, talk.user_messages, len(talk.received)), ([update], ["Hi"], 4))

    def test_bad(self):
        """What the vendor cannot read, it says why, and closes."""
        bad = [
            ("invalid_message", b"nonsense"),
            ("invalid_message", b"[]"),
            ("invalid_message", {"type": "speak"}),
            ("missing_fields", {"text": "x"}),
            ("missing_fields", {"type": "client_tool_result", "tool_call_id": "t", "result": "x"}),
            ("value_error", {"type": "client_tool_result", "tool_call_id": "t", "result": {}, "is_error": False}),
            ("value_error", {"user_audio_chunk": "A"}),
        ]
        for wanted, message in bad:
            client, talk = self.connect()
            client.say(message)
            self.passes()
            found = client.events("error")[0]["error_type"], talk.bad.error_type, talk.closed.code, client.end[0]
            self.assertEqual(found, (wanted, wanted, 1008, 1008), message)

    def test_binary(self):
        """Bytes are no message."""
        client, talk = self.connect()
        client.sendMessage(b"\xff" * 160, True)
        self.passes()
        self.assertEqual(talk.bad.error_type, "invalid_message")

    def test_silence(self):
        """With nothing of the caller's for a minute the vendor hangs up."""
        client, talk = self.connect()
        self.passes(50)
        self.speak(client, QUIET)
        self.passes(50)
        self.assertIsNone(talk.closed)
        self.passes(11)
        self.assertEqual(
            (client.events("error")[0]["error_type"], client.end[0]), ("transport_receive_timeout", 1002)
        )


class EndTests(ElevenLabsTestCase):
    def test_ends(self):
        """The agent hangs up with its tool, and closes."""
        client, talk = self.connect(Ends(), Says("never"))
        self.assertEqual(client.events("agent_tool_response")[0]["tool_name"], "end_call")
        self.assertEqual(
            (client.end[0], talk.closed.code, talk.closed.ours, talk.closed.clean), (1000, 1000, True, True)
        )
        self.assertNotIn("agent_response", client.types())

    def test_fails(self):
        """An error, then its code."""
        client, talk = self.connect(Fails(1002, "llm_timeout", "Too slow"))
        self.assertEqual((client.events("error")[0]["error_type"], client.end[0]), ("llm_timeout", 1002))
        self.assertEqual(self.successResultOf(talk.when_closed()).reason, "Too slow")

    def test_drops(self):
        """Without a word."""
        client, talk = self.connect(Says("Hi"), Waits(1), Drops())
        ended = talk.when_closed()
        self.passes(1)
        self.assertEqual((client.end[0], self.successResultOf(ended).code, talk.closed.clean), (1006, 1006, False))

    def test_closed_by_client(self):
        """The other side's goodbye is kept, and all that waits is told."""
        client, talk = self.connect(CallsTool("x"), Says("never"))
        pong, spoken = talk.pings(), talk.when_spoken()
        client.sendClose(3001, "enough")
        self.passes()
        closed = talk.closed
        self.assertEqual((closed.code, closed.reason, closed.ours), (3001, "enough", False))
        self.assertEqual((self.successResultOf(pong), self.successResultOf(spoken)), (None, None))
        self.assertEqual(client.types()[-1], "ping")
        self.successResultOf(talk.says("too late", pieces=2, pace=1))

    def test_stalls(self):
        """Nothing comes any more, but what is sent is kept."""
        client, talk = self.connect(Stalls(), Says("never"))
        talk.says("neither")
        self.speak(client, LOUD)
        self.assertEqual((client.types()[1:], bytes(talk.audio), talk.closed), ([], LOUD, None))

    def test_deaf(self):
        """Or nothing is even read: a close stays without an answer."""
        client, talk = self.connect(Stalls(deaf=True))
        client.sendClose(1000)
        self.passes(0.5)
        self.assertEqual((talk.closed, client.end), (None, None))

    def test_floods(self):
        """Audio comes a hundred times as fast as it can be heard, until somebody has enough."""
        client, talk = self.connect(Floods())
        self.passes(0.5)
        self.assertGreaterEqual(len(client.events("audio")), 50)
        client.transport.abortConnection()
        self.passes(5)
        self.assertEqual(talk.closed.code, 1006)

    def test_large(self):
        """Or in one message that is larger than anybody should accept."""
        client, _ = self.connect(Floods(13 << 20))
        self.assertGreater(len(client.raw[-1]), 16 << 20)

    def test_nonsense(self):
        """Anything can be sent."""
        client, _ = self.connect(Sends("nonsense"), Sends(b"\0"), Sends('{"type":"new"}'))
        self.assertEqual((client.raw[1:3], client.types()[1:]), ([b"nonsense", b"\0"], ["new"]))


class SchemaTests(ElevenLabsTestCase):
    def setUp(self):
        super().setUp()
        if not available():
            raise SkipTest("the vendor's AsyncAPI document, or jsonschema, is not here")

    def test_received(self):
        """What the vendor's schema alone finds is told aloud, and closes."""
        client, talk = self.connect()
        client.say({"type": "contextual_update", "text": "x", "contextId": "y"})
        self.passes()
        self.assertEqual((talk.bad.error_type, talk.closed.code), ("invalid_message", 1008))
        self.assertEqual(len(self.flushLoggedErrors(Undocumented)), 1)

    def test_sent(self):
        """The double itself cannot send what is not documented."""
        _, talk = self.connect()
        with self.assertRaises(Undocumented):
            talk.fails(1009)
        talk.sends('{"type":"new"}')

    def test_schema(self):
        """Names that are unknown, missing or null are found."""
        for wrong in (
            {"type": "pong"},
            {"type": "pong", "event_id": None},
            INITIATION | {"userId": "x"},
            {"type": "x"},
        ):
            with self.assertRaises(Undocumented, msg=wrong):
                documented("received", wrong)
        documented("received", INITIATION | {"user_id": None})


class SpeechTests(ElevenLabsTestCase):
    def ask(
        self, text="Hi", path="voice_1/stream", form="?output_format=ulaw_8000", key=API_KEY, seconds=0, body=None
    ):
        url = f"http://{HOST}/v1/text-to-speech/{path}{form}"
        asked = json.dumps({"text": text}) if body is None else body
        answer = self.request("POST", url, seconds, headers={"xi-api-key": key}, data=asked)
        return answer and (answer[0].code, answer[1])

    def test_audio(self):
        """Text becomes mu-law, in a stream or in one piece."""
        self.assertEqual(self.ask(), (200, spell("Hi")))
        self.assertEqual(
            self.ask(path="voice_1", form="?output_format=pcm_8000"), (200, from_mulaw(spell("Hi"), "pcm_8000"))
        )
        self.assertEqual(self.double.speech.spoken, ["Hi", "Hi"])

    def test_voice(self):
        """Any voice will do."""
        self.double.speech.voice = lambda text: LOUD
        self.assertEqual(self.ask(), (200, LOUD))

    def test_slow(self):
        """It may begin late, and come piece by piece."""
        speech = self.double.speech
        speech.weather.after, speech.piece, speech.pace = 1.0, 0.05, 0.5
        self.assertIsNone(self.ask(seconds=0.9))
        self.assertEqual(self.ask(seconds=2), (200, spell("Hi")))

    def test_refusals(self):
        """Keys, voices, formats, lengths and bodies are looked at."""
        self.double.speech.voices = ["voice_1"]
        found = [self.ask(key="x"), self.ask(path="voice_2"), self.ask(form=""), self.ask("x" * 40_001)]
        found += [self.ask(body="{"), self.ask(body="{}")]
        self.assertEqual([status for status, _ in found], [401, 404, 400, 400, 422, 422])
        self.assertEqual(json.loads(found[3][1])["detail"]["status"], "max_character_limit_exceeded")

    def test_faults(self):
        """Requests fail as they are told to."""
        self.double.speech.weather.fail(422)
        self.double.speech.weather.fail(502, body="<html>Bad Gateway</html>")
        self.double.speech.weather.fail(None)
        self.assertEqual(json.loads(self.ask()[1])["detail"][0]["type"], "missing")
        self.assertEqual(self.ask(), (502, b"<html>Bad Gateway</html>"))
        self.assertIsNone(self.ask(seconds=100))

    def test_stalls(self):
        """A stream may stop in its middle."""
        self.double.speech.piece, self.double.speech.stall_after = 0.05, 1
        pending = self.network.http().post(
            f"http://{HOST}/v1/text-to-speech/v/stream?output_format=ulaw_8000",
            data=b'{"text":"Hi"}',
            headers={"xi-api-key": API_KEY},
            unbuffered=True,
            reactor=self.clock,
        )
        self.passes(100)
        pieces = []
        collected = self.successResultOf(pending).collect(pieces.append)
        self.passes(100)
        self.assertNoResult(collected)
        self.assertEqual(b"".join(pieces), spell("H"))

    def test_breaks(self):
        """Or break."""
        self.double.speech.piece, self.double.speech.break_after = 0.05, 1
        url = f"http://{HOST}/v1/text-to-speech/v/stream?output_format=ulaw_8000"
        pending = self.network.http().post(
            url, data=b'{"text":"Hi"}', headers={"xi-api-key": API_KEY}, reactor=self.clock
        )
        self.passes()
        body = self.successResultOf(pending).content()
        self.passes()
        self.failureResultOf(body)

"""The double of OpenAI: its Realtime sessions and chat completions, what they refuse, and how they can fail."""

import json
from base64 import b64decode, b64encode

from twisted.trial.unittest import SkipTest

from tests.openai_schema import Undocumented, available, chunk_documented, documented
from tests.test_simulator_elevenlabs import LOUD, QUIET, VendorTestCase
from voiced.simulator.openai import API_KEY, Call, ChatReply, Model, OpenAI, Reply
from voiced.simulator.vendors.agent_audio import from_mulaw, spell
from voiced.simulator.vendors.openai_messages import Fault, check_session, merged

HOST = "api.openai.com"
URL = f"ws://{HOST}/v1/realtime?model=gpt-realtime-2.1"
BEARER = {"Authorization": f"Bearer {API_KEY}"}
PCMU = {"format": {"type": "audio/pcmu"}}
SESSION = {
    "type": "realtime",
    "audio": {"input": {**PCMU, "transcription": {"model": "gpt-transcribe"}}, "output": PCMU},
}


class OpenAITestCase(VendorTestCase):
    """The vendor is OpenAI."""

    def setUp(self):
        super().setUp()
        self.double = OpenAI(self.clock, check=documented)
        self.network.listen(HOST, self.double.site())

    def connect(self, *replies, session=SESSION, **model):
        """A session that replies so, and is set so."""
        self.double.model = Model(**model)
        self.double.expect(*replies)
        client = self.open(URL, BEARER)
        if session is not None:
            self.say(client, "session.update", session=session)
        return client, self.double.sessions[-1]

    def say(self, client, kind, **fields):
        client.say({"type": kind, **fields})
        self.passes()

    def speak(self, client, *chunks):
        for chunk in chunks:
            client.say({"type": "input_audio_buffer.append", "audio": b64encode(chunk).decode()})
        self.passes()

    def of(self, client, kind):
        """What came of that type."""
        return [message for message in client.heard if message["type"] == kind]

    def heard(self, client):
        """The audio that came."""
        return b"".join(b64decode(one["delta"]) for one in self.of(client, "response.output_audio.delta"))

    def errors(self, client):
        return [one["error"]["code"] for one in self.of(client, "error")]


class HandshakeTests(OpenAITestCase):
    def test_created(self):
        """A session is created at once, and says what it is."""
        client, session = self.connect(session=None)
        self.assertEqual(client.types(), ["session.created"])
        self.assertEqual(client.heard[0]["session"]["model"], "gpt-realtime-2.1")
        self.assertEqual((session.closed, session.id), (None, "sess_1"))

    def test_key(self):
        """Without the key there is no handshake."""
        for headers in ({}, {"Authorization": "Bearer sk-wrong"}, {"Authorization": API_KEY}):
            self.assertIn("401", self.open(URL, headers).end[1])
        self.assertEqual(self.double.sessions, [])

    def test_refused(self):
        """A handshake may be refused for other reasons."""
        self.double.model = Model(refuse=429)
        self.assertIn("429", self.open(URL, BEARER).end[1])

    def test_beta(self):
        """The header of the beta is an error, and so is a missing model."""
        beta = self.open(URL, BEARER | {"OpenAI-Beta": "realtime=v1"})
        self.assertEqual((self.errors(beta), beta.end[0]), (["beta_api_shape_disabled"], 4000))
        self.assertEqual(self.errors(self.open(f"ws://{HOST}/v1/realtime", BEARER)), ["missing_model"])

    def test_late(self):
        """session.created and session.updated may be late, or never come."""
        client, session = self.connect(created_after=1, updated_after=2)
        self.speak(client, QUIET)
        self.assertEqual((client.types(), session.early), ([], 160))
        self.passes(1)
        self.assertEqual(client.types(), ["session.created"])
        self.passes(1)
        self.assertEqual((client.types()[1:], session.updates), (["session.updated"], 1))
        self.assertEqual(self.connect(created_after=None, updated_after=None)[0].types(), [])

    def test_told(self):
        """Whoever wants to know is told of each session."""
        told = []
        self.double.on_session = told.append
        self.assertEqual(told, [self.connect()[1]])

    def test_expires(self):
        """A session lasts an hour."""
        client, session = self.connect()
        self.passes(3600)
        self.assertEqual((self.errors(client), session.closed.code), (["session_expired"], 1001))


class SessionTests(OpenAITestCase):
    def test_updated(self):
        """An update changes what it names, and nothing else."""
        client, session = self.connect()
        self.say(client, "session.update", session={"type": "realtime", "instructions": "Be brief."})
        described = self.of(client, "session.updated")[-1]["session"]
        self.assertEqual(described["audio"]["output"]["format"], {"type": "audio/pcmu"})
        self.assertEqual(
            (described["instructions"], session.config["audio"]["output"]["voice"]), ("Be brief.", "marin")
        )

    def test_bad(self):
        """What a session cannot be set to, the beta's names among it."""
        bad = [
            ("missing_required_parameter", {}),
            ("invalid_value", {"type": "transcription"}),
            ("unknown_parameter", {"input_audio_format": "g711_ulaw"}),
            ("unknown_parameter", {"audio": {"output": {"rate": 8000}}}),
            ("invalid_type", {"audio": []}),
            ("invalid_value", {"audio": {"input": {"format": "g711_ulaw"}}}),
            ("invalid_value", {"audio": {"input": {"format": {"type": "audio/pcm", "rate": 8000}}}}),
            ("invalid_value", {"audio": {"input": {"turn_detection": {"type": "vad"}}}}),
            ("invalid_value", {"audio": {"input": {"turn_detection": "server_vad"}}}),
            ("missing_required_parameter", {"tools": [{"type": "function"}]}),
            ("invalid_type", {"tools": ["hang_up"]}),
        ]
        for code, session in bad:
            with self.assertRaises(Fault, msg=session) as caught:
                check_session(({"type": "realtime"} if session else {}) | session)
            self.assertEqual(caught.exception.code, code, session)

    def test_merged(self):
        """Objects are merged, formats and the rest are replaced."""
        before = {"a": {"b": 1, "c": 2}, "format": {"type": "x", "rate": 1}}
        after = merged(before, {"a": {"c": None}, "format": {"type": "y"}})
        self.assertEqual(after, {"a": {"b": 1, "c": None}, "format": {"type": "y"}})

    def test_faults(self):
        """What cannot be read is answered with an error, and the session goes on."""
        client, session = self.connect()
        for message in (b"nonsense", b"[]", {"type": "speak"}, {"type": "input_audio_buffer.append"}):
            client.say(message)
        self.say(client, "input_audio_buffer.append", audio=7)
        self.say(client, "input_audio_buffer.append", audio="A")
        self.say(client, "output_audio_buffer.clear", event_id="mine")
        codes = ["invalid_json", "invalid_value", "invalid_value", "missing_required_parameter", "invalid_type"]
        self.assertEqual(self.errors(client), [*codes, "invalid_base64", "invalid_value"])
        self.assertEqual((len(session.faults), session.closed), (7, None))

    def test_binary(self):
        """Bytes are no message; and an error names the event that it is for."""
        client, _ = self.connect()
        client.sendMessage(b"\0", True)
        self.say(client, "response.cancel", event_id="mine")
        errors = [one["error"] for one in self.of(client, "error")]
        self.assertEqual((errors[0]["code"], errors[1]["event_id"]), ("invalid_message", "mine"))

    def test_documented(self):
        """What only the vendor's own types find is told aloud."""
        if not available():
            raise SkipTest("OpenAI's package is not here")
        client, session = self.connect()
        self.say(client, "response.create", respond={})
        self.assertEqual((self.errors(client), len(self.flushLoggedErrors(Undocumented))), (["invalid_value"], 1))
        with self.assertRaises(Undocumented):
            session.send("response.audio.delta", delta="")


class ReplyTests(OpenAITestCase):
    def test_response(self):
        """A reply comes as the vendor's sequence of events, in the format that was asked for."""
        client, _ = self.connect(Reply("Hi"))
        self.say(client, "response.create")
        kinds = [kind.removeprefix("response.") for kind in client.types()[2:]]
        begin = ["created", "output_item.added", "conversation.item.added", "content_part.added"]
        middle = ["output_audio_transcript.delta", "output_audio.delta", "output_audio.done"]
        end = [
            "output_audio_transcript.done",
            "content_part.done",
            "conversation.item.done",
            "output_item.done",
            "done",
        ]
        self.assertEqual((kinds, self.heard(client)), (begin + middle + end, spell("Hi")))
        done = client.heard[-1]["response"]
        self.assertEqual((done["status"], done["output"][0]["content"][0]["transcript"]), ("completed", "Hi"))

    def test_format(self):
        """Without a session.update audio is PCM at 24000."""
        client, _ = self.connect(Reply("Hi"), session=None)
        self.say(client, "response.create")
        self.assertEqual(self.heard(client), from_mulaw(spell("Hi"), "pcm_24000"))

    def test_order(self):
        """Each response is the next of the script, and then they are empty."""
        client, _ = self.connect(Reply("a"), Reply(audio=b"\x01"))
        for _ in range(3):
            self.say(client, "response.create")
        self.assertEqual(self.heard(client), spell("a") + b"\x01")
        self.assertEqual(client.heard[-1]["response"]["output"], [])

    def test_paced(self):
        """A reply may be late and slow; another cannot begin meanwhile."""
        client, session = self.connect(Reply("abcd", pieces=4, pace=0.5, after=1))
        self.say(client, "response.create")
        self.assertEqual(client.types()[2:], ["response.created"])
        self.passes(1.5)
        self.assertEqual(self.heard(client), spell("ab"))
        self.say(client, "response.create")
        self.assertEqual(self.errors(client), ["conversation_already_has_active_response"])
        self.passes(1)
        self.assertEqual((self.heard(client), session.active), (spell("abcd"), None))

    def test_cancel(self):
        """A response is cancelled once, and its item is incomplete."""
        client, _ = self.connect(Reply("abcd", pieces=4, pace=0.5))
        self.say(client, "response.create")
        self.say(client, "response.cancel")
        self.say(client, "response.cancel")
        done = self.of(client, "response.done")[0]["response"]
        self.assertEqual((done["status"], done["status_details"]["reason"]), ("cancelled", "client_cancelled"))
        self.assertEqual(
            (done["output"][0]["status"], self.errors(client)), ("incomplete", ["response_cancel_not_active"])
        )

    def test_failed(self):
        """A response may fail, and say why."""
        details = {"error": {"type": "server_error", "code": "overloaded", "message": "Too busy"}}
        client, _ = self.connect(Reply(status="failed", details=details))
        self.say(client, "response.create")
        self.assertEqual(client.heard[-1]["response"]["status_details"]["error"]["code"], "overloaded")

    def test_stalls(self):
        """Or stop in its middle, until it is cancelled."""
        client, session = self.connect(Reply("abcd", pieces=4, stall_after=2))
        self.say(client, "response.create")
        self.passes(100)
        self.assertEqual((self.heard(client), session.active is None), (spell("ab"), False))
        self.say(client, "response.cancel")
        self.assertEqual(client.heard[-1]["response"]["status"], "cancelled")

    def test_breaks(self):
        """Or take the connection with it."""
        client, session = self.connect(Reply("abcd", pieces=4, break_after=2))
        self.say(client, "response.create")
        self.assertEqual((client.end[0], session.closed.code, session.active), (1006, 1006, None))

    def test_by_hand(self):
        """A response may come without being asked for."""
        client, session = self.connect()
        session.replies_with(Reply("Hi"))
        self.passes()
        self.assertEqual(self.heard(client), spell("Hi"))


class ToolTests(OpenAITestCase):
    def test_call(self):
        """A function is called, its output is kept, and the next response is asked for."""
        client, session = self.connect(
            Reply("Wait.", calls=[Call("transfer", {"to": "ann"}, id="c1")]), Reply("Done.")
        )
        output = session.when_output("c1")
        self.say(client, "response.create")
        done = self.of(client, "response.function_call_arguments.done")[0]
        self.assertEqual((done["name"], json.loads(done["arguments"])), ("transfer", {"to": "ann"}))
        item = self.of(client, "response.output_item.done")[1]["item"]
        self.assertEqual((item["type"], item["status"], item["call_id"]), ("function_call", "completed", "c1"))
        result = {"type": "function_call_output", "call_id": "c1", "output": "ok"}
        self.say(client, "conversation.item.create", item=result)
        self.say(client, "response.create")
        self.assertEqual((self.successResultOf(output).output, session.created), ("ok", [result]))
        self.assertEqual(self.heard(client), spell("Wait.Done."))

    def test_bad_output(self):
        """An output is a text, and for a call that was made; an item is of a kind that there is."""
        self.network.forget(HOST)
        self.double = OpenAI(self.clock)
        self.network.listen(HOST, self.double.site())
        client, session = self.connect(Reply(calls=[Call("x")]))
        self.say(client, "response.create")
        for about in ({"call_id": "call_9", "output": "ok"}, {"call_id": "call_1", "output": {"ok": True}}):
            self.say(client, "conversation.item.create", item={"type": "function_call_output", **about})
        self.say(client, "conversation.item.create", item={"type": "x"})
        self.assertEqual(self.errors(client), ["invalid_tool_call_id", "invalid_type", "invalid_value"])
        self.assertEqual(session.tool_outputs, [])

    def test_no_output(self):
        """When the session ends first, there is none."""
        client, session = self.connect()
        output = session.when_output("c1")
        client.sendClose(1000)
        self.passes()
        self.assertIsNone(self.successResultOf(output))

    def test_message(self):
        """Texts are put into the conversation, and taken out."""
        client, session = self.connect()
        content = [{"type": "input_text", "text": "Hi"}]
        self.say(client, "conversation.item.create", item={"type": "message", "role": "user", "content": content})
        self.assertEqual(client.types()[-2:], ["conversation.item.added", "conversation.item.done"])
        self.say(client, "conversation.item.delete", item_id="item_1")
        self.say(client, "conversation.item.delete", item_id="item_1")
        self.assertEqual((session.items, self.errors(client)), ({}, ["item_delete_invalid_item_id"]))


class CallerTests(OpenAITestCase):
    def test_turn(self):
        """The caller speaks, stops, is understood, and is replied to."""
        client, session = self.connect(Reply("Hello"))
        self.speak(client, *[LOUD] * 50)
        session.speech_started(500)
        session.hears("Hi")
        self.passes()
        kinds = [kind for kind in client.types() if not kind.startswith("response")]
        buffer = [f"input_audio_buffer.{what}" for what in ("speech_started", "speech_stopped", "committed")]
        items = ["conversation.item.added", "conversation.item.done"]
        completed = "conversation.item.input_audio_transcription.completed"
        self.assertEqual(kinds[2:], [*buffer, *items, completed, *items])
        self.assertEqual((self.of(client, completed)[0]["transcript"], self.heard(client)), ("Hi", spell("Hello")))
        self.assertEqual((bytes(session.audio), session.early), (LOUD * 50, 0))

    def test_late_transcript(self):
        """A transcript may come after the reply has begun."""
        client, session = self.connect(Reply("Hello"))
        session.hears("Hi", late=True)
        self.passes()
        self.assertEqual(client.types()[-1], "conversation.item.input_audio_transcription.completed")

    def test_settings(self):
        """Without transcription there is no transcript, and without create_response no reply."""
        turns = {"type": "server_vad", "create_response": False, "interrupt_response": False}
        audio = {"input": {**PCMU, "turn_detection": turns}, "output": PCMU}
        client, session = self.connect(Reply("abc", pieces=3, pace=1), session={"type": "realtime", "audio": audio})
        session.hears("Hi")
        self.say(client, "response.create")
        session.speech_started()
        self.passes(5)
        self.assertEqual(client.types()[-1], "response.done")
        self.assertEqual((client.heard[-1]["response"]["status"], self.heard(client)), ("completed", spell("abc")))
        self.assertNotIn("conversation.item.input_audio_transcription.completed", client.types())

    def test_interruption(self):
        """Speech cuts a response short."""
        client, session = self.connect(Reply("abcd", pieces=4, pace=0.5))
        self.say(client, "response.create")
        session.speech_started(1234)
        self.passes(5)
        started = self.of(client, "input_audio_buffer.speech_started")[0]
        done = client.heard[-1]["response"]
        self.assertEqual((started["audio_start_ms"], done["status"]), (1234, "cancelled"))
        self.assertEqual((done["status_details"]["reason"], self.heard(client)), ("turn_detected", spell("a")))

    def test_listens(self):
        """The double may notice speech by itself."""
        client, session = self.connect(Reply("Hello", heard="Hi"), listens=True)
        self.speak(client, *[QUIET] * 50, *[LOUD] * 20, *[QUIET] * 20)
        started = self.of(client, "input_audio_buffer.speech_started")[0]
        transcript = self.of(client, "conversation.item.input_audio_transcription.completed")[0]["transcript"]
        self.assertEqual((started["audio_start_ms"], transcript, self.heard(client)), (1020, "Hi", spell("Hello")))
        self.assertEqual(session.replies, type(session.replies)())

    def test_commit(self):
        """The daemon may end a turn itself, or forget what was said."""
        client, _ = self.connect()
        self.say(client, "input_audio_buffer.clear")
        self.say(client, "input_audio_buffer.commit")
        kinds = ["input_audio_buffer.cleared", "input_audio_buffer.committed"]
        self.assertEqual(client.types()[2:], [*kinds, "conversation.item.added", "conversation.item.done"])


class TruncationTests(OpenAITestCase):
    def truncate(self, client, end, item="item_1"):
        self.say(client, "conversation.item.truncate", item_id=item, content_index=0, audio_end_ms=end)

    def test_truncated(self):
        """What was heard of an item can be said, and then less of it."""
        client, session = self.connect(Reply("Hi"))
        self.say(client, "response.create")
        self.truncate(client, 100)
        self.truncate(client, 30)
        self.assertEqual([one["audio_end_ms"] for one in self.of(client, "conversation.item.truncated")], [100, 30])
        self.assertEqual(session.truncations, [("item_1", 100), ("item_1", 30)])

    def test_too_long(self):
        """Nobody can have heard more than was sent."""
        client, session = self.connect(Reply("Hi"))
        self.say(client, "response.create")
        self.truncate(client, 101)
        error = self.of(client, "error")[0]["error"]
        self.assertEqual(error["message"], "Audio content of 100ms is already shorter than 101ms")
        self.assertEqual(session.truncations, [])

    def test_other_items(self):
        """Only what the model has said can be truncated."""
        client, session = self.connect()
        session.hears("Hi")
        self.passes()
        self.truncate(client, 1)
        self.truncate(client, 1, "item_9")
        self.assertEqual(self.errors(client), ["invalid_value", "item_truncate_invalid_item_id"])


class EndTests(OpenAITestCase):
    def test_fails(self):
        """An error leaves the session as it is."""
        client, session = self.connect(Reply("Hi"))
        session.fails()
        self.say(client, "response.create")
        self.assertEqual((self.errors(client), self.heard(client)), (["server_error"], spell("Hi")))

    def test_drops(self):
        """The connection breaks, and the response with it."""
        client, session = self.connect(Reply("abcd", pieces=4, pace=1))
        self.say(client, "response.create")
        session.drops()
        self.passes()
        self.assertEqual((client.end[0], self.successResultOf(session.when_closed()).code), (1006, 1006))

    def test_stalls(self):
        """Nothing comes any more."""
        client, session = self.connect(Reply("abcd", pieces=4, pace=1))
        self.say(client, "response.create")
        before = len(client.heard)
        session.stalls()
        session.replies_with(Reply("never"))
        self.passes(10)
        self.assertEqual((len(client.heard), session.closed), (before, None))

    def test_floods(self):
        """Far more comes than can be heard; or one message that is too large."""
        client, session = self.connect()
        session.floods()
        self.passes(0.5)
        self.assertGreaterEqual(len(self.heard(client)), 50 * 8000)
        session.closes(1011, "enough")
        self.passes(1)
        self.assertEqual(client.end, (1011, "enough"))
        client, session = self.connect()
        session.floods(13 << 20)
        self.passes()
        self.assertGreater(len(client.raw[-1]), 16 << 20)

    def test_nonsense(self):
        """Anything can be sent."""
        client, session = self.connect()
        session.sends("nonsense")
        session.sends(b"\0")
        session.sends('{"type":"response.new"}')
        self.passes()
        self.assertEqual((client.raw[2:4], client.types()[2:]), ([b"nonsense", b"\0"], ["response.new"]))

    def test_elsewhere(self):
        """Other paths are not there."""
        self.assertEqual(self.request("GET", f"http://{HOST}/v1/models")[0].code, 404)


class ChatTests(OpenAITestCase):
    BODY = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hi"}], "stream": True}

    def ask(self, seconds=0, key=API_KEY, data=None, **more):
        """The chunks of a completion, or the status and code of a refusal."""
        url, headers = f"http://{HOST}/v1/chat/completions", {"Authorization": f"Bearer {key}"}
        written = json.dumps(self.BODY | more) if data is None else data
        answer = self.request("POST", url, seconds, headers=headers, data=written)
        if answer is None:
            return None
        if answer[0].code != 200:
            return answer[0].code, json.loads(answer[1])["error"]["code"]
        events = [event.removeprefix("data: ") for event in answer[1].decode().split("\n\n") if event]
        self.assertEqual(events.pop(), "[DONE]")
        return [json.loads(event) for event in events]

    def deltas(self, chunks):
        return [chunk["choices"][0]["delta"] for chunk in chunks]

    def test_text(self):
        """A text comes word by word."""
        self.double.chat.expect("Hello there, Ann.")
        chunks = self.ask()
        self.assertEqual([one.get("content") for one in self.deltas(chunks)], ["", "Hello", " there,", " Ann.", None])
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "stop")
        self.assertEqual(self.double.chat.asked, [self.BODY])

    def test_tool_call(self):
        """A call comes in pieces."""
        self.double.chat.expect(ChatReply(calls=[Call("hang_up", {"why": "done"})]))
        chunks = self.ask()
        calls = [one["tool_calls"][0] for one in self.deltas(chunks) if "tool_calls" in one]
        self.assertEqual((calls[0]["id"], calls[0]["function"]["name"]), ("call_1", "hang_up"))
        self.assertEqual(json.loads("".join(call["function"]["arguments"] for call in calls)), {"why": "done"})
        self.assertEqual(chunks[-1]["choices"][0]["finish_reason"], "tool_calls")

    def test_usage(self):
        """Who asks for it is told what it has cost."""
        chunks = self.ask(stream_options={"include_usage": True})
        self.assertEqual((chunks[-1]["choices"], chunks[-1]["usage"]["prompt_tokens"]), ([], 20))

    def test_documented(self):
        """Chunks are as the vendor's package knows them."""
        if not available():
            raise SkipTest("OpenAI's package is not here")
        self.double.chat.expect(ChatReply("Hello there.", calls=[Call("x")]))
        for chunk in self.ask(stream_options={"include_usage": True}):
            chunk_documented(chunk)

    def test_pace(self):
        """Words may be slow, and the first may be late."""
        self.double.chat.weather.after = 1.0
        self.double.chat.expect(ChatReply("one two", pace=0.5))
        self.assertIsNone(self.ask(seconds=0.9))
        self.double.chat.expect(ChatReply("one two", pace=0.5))
        self.assertEqual(len(self.ask(seconds=3)), 4)

    def test_refusals(self):
        """Keys and bodies are looked at, and faults are as they are told."""
        self.assertEqual(self.ask(key="x"), (401, "invalid_api_key"))
        self.assertEqual(self.ask(data="{")[0], 400)
        self.assertEqual(self.ask(messages=[]), (400, "missing_required_parameter"))
        self.assertEqual(self.ask(stream=False), (400, "unsupported_value"))
        for status, code in ((429, "rate_limit_exceeded"), (500, None)):
            self.double.chat.weather.fail(status)
            self.assertEqual(self.ask(), (status, code))

    def test_middle(self):
        """A stream may stop in its middle, or break."""
        for reply in (ChatReply("one two", stall_after=2), ChatReply("one two", break_after=2)):
            self.double.chat.expect(reply)
            url, headers = f"http://{HOST}/v1/chat/completions", {"Authorization": f"Bearer {API_KEY}"}
            asked = self.network.http().post(
                url, headers=headers, data=json.dumps(self.BODY), unbuffered=True, reactor=self.clock
            )
            self.passes(100)
            heard = []
            collected = self.successResultOf(asked).collect(heard.append)
            self.passes(100)
            self.assertEqual(b"".join(heard).count(b"\n\n"), 2)
            if reply.break_after:
                self.failureResultOf(collected)
            else:
                self.assertNoResult(collected)

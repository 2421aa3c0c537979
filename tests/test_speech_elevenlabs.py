"""The ElevenLabs voice against a double of its endpoint in memory: what it asks and hears, and how it fails."""

import json
from pathlib import Path

import attrs
import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SkipTest, SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from voiced.errors import SynthesisError
from voiced.ivoiced import Utterance
from voiced.secret import Secret
from voiced.simulator.memory import MemoryNetwork, elapse, settle
from voiced.speech.elevenlabs import ElevenLabs, Settings, make
from voiced.speech.elevenlabs_settings import Dictionary
from voiced.testing.fakes import FakeTools

KEY = "sk_5f0c9a4e"
VOICE = "21m00Tcm4TlvDq8ikWAM"
BASE = "http://api.elevenlabs.io"
OPENAPI = Path(__file__).parents[2] / "shared/specs/elevenlabs.api.openapi.docs-2025-08.json"


class Vendor(Resource):
    """ElevenLabs: answers each request with the next of `answers` (status, content type, body), then with audio.

    A body of None leaves the response open: the test writes to `requests[-1]`.
    """

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.answers = []
        self.requests = []
        self.bodies = []
        self.lost = 0

    def render(self, request):
        self.requests.append(request)
        self.bodies.append(json.loads(request.content.read()))
        status, kind, body = self.answers.pop(0) if self.answers else (200, b"audio/basic", b"audio")
        request.setResponseCode(status)
        request.setHeader(b"content-type", kind)
        request.notifyFinish().addErrback(self._lost)
        if body is not None:
            return body
        request.write(b"")
        return NOT_DONE_YET

    def _lost(self, _):
        self.lost += 1

    def refuse(self, status, detail, times=1):
        """Answer the next requests so."""
        self.answers += [(status, b"application/json", json.dumps({"detail": detail}).encode())] * times

    def stream(self):
        """Leave the next response open."""
        self.answers.append((200, b"audio/basic", None))


def settings(**more):
    return Settings(api_key=Secret(KEY), voice=VOICE, base_url=BASE, **more)


class ElevenLabsCase(SynchronousTestCase):
    def setUp(self):
        self.clock = Clock()
        self.network = MemoryNetwork(self.clock)
        self.vendor = Vendor()
        self.port = self.network.listen("api.elevenlabs.io", Site(self.vendor, reactor=self.clock, timeout=None))
        self.tools = FakeTools(self.clock, http=self.network.http())
        self.heard = []

    def speak(self, text="Hello", **more):
        engine = ElevenLabs(settings(**more), self.tools)
        done = engine.synthesize(Utterance(text), self.heard.append)
        settle(self.clock)
        return done

    def fails(self, done):
        error = self.failureResultOf(done, SynthesisError).value
        self.assertNotIn(KEY, str(error))
        return error

    def write(self, piece):
        self.vendor.requests[-1].write(piece)
        settle(self.clock)


class AskingTests(ElevenLabsCase):
    def test_request(self):
        """The request of a voice without further settings: telephone audio, the fast model, the key in its header."""
        self.successResultOf(self.speak())
        request = self.vendor.requests[0]
        self.assertEqual(request.uri, f"/v1/text-to-speech/{VOICE}/stream?output_format=ulaw_8000".encode())
        self.assertEqual(request.requestHeaders.getRawHeaders("xi-api-key"), [KEY])
        self.assertEqual(request.requestHeaders.getRawHeaders("content-type"), ["application/json"])
        self.assertEqual(self.vendor.bodies, [{"text": "Hello", "model_id": "eleven_flash_v2_5"}])

    def test_all_settings(self):
        """Every setting goes where the API wants it, and nothing that is not set goes anywhere."""
        self.successResultOf(self.speak("Grüße", **EVERYTHING))
        query = b"output_format=ulaw_8000&optimize_streaming_latency=3&enable_logging=false"
        self.assertEqual(self.vendor.requests[0].uri.partition(b"?")[2], query)
        self.assertEqual(self.vendor.bodies, [ASKED])

    def test_the_vendors_own_schema(self):
        """What is asked is what the vendor's OpenAPI document knows, by name and type."""
        if not OPENAPI.exists():
            raise SkipTest(f"{OPENAPI.name} is not here")
        document = json.loads(OPENAPI.read_text())
        path = document["paths"]["/v1/text-to-speech/{voice_id}/stream"]["post"]
        self.speak("Grüße", **EVERYTHING)
        names = {parameter["name"] for parameter in path["parameters"]}
        self.assertLessEqual({name.decode() for name in self.vendor.requests[0].args}, names)
        schema = path["requestBody"]["content"]["application/json"]["schema"]
        self.assertEqual(list(misfits(self.vendor.bodies[0], schema, document["components"]["schemas"])), [])

    def test_base_url(self):
        """Another region, a proxy with a path, or the simulator: base_url, with or without a slash at its end."""
        self.network.listen("eu.example", Site(self.vendor, reactor=self.clock, timeout=None))
        engine = make(msgspec.structs.replace(settings(), base_url="http://eu.example/proxy/"), self.tools)
        engine.synthesize(Utterance("Hello"), self.heard.append)
        settle(self.clock)
        self.assertTrue(self.vendor.requests[0].path.startswith(b"/proxy/v1/text-to-speech/"))

    def test_too_long(self):
        """A text that the model cannot take is not sent; the error says how long it may be, and not what it was."""
        error = self.fails(self.speak("a secret " * 400, model="eleven_v3"))
        self.assertEqual(str(error), "the text has 3600 characters, and eleven_v3 takes 3000: split it")
        self.assertEqual(self.vendor.requests, [])

    def test_nothing_to_say(self):
        """A text without anything in it costs no request."""
        self.fails(self.speak(" \n"))
        self.assertEqual(self.vendor.requests, [])


EVERYTHING = {
    "language_code": "de",
    "stability": 0.5,
    "similarity_boost": 0.0,
    "style": 1.0,
    "use_speaker_boost": False,
    "speed": 0.9,
    "seed": 0,
    "apply_text_normalization": "on",
    "apply_language_text_normalization": False,
    "pronunciation_dictionary_locators": (Dictionary("d1"),),
    "optimize_streaming_latency": 3,
    "enable_logging": False,
}
ASKED = {
    "text": "Grüße",
    "model_id": "eleven_flash_v2_5",
    "language_code": "de",
    "voice_settings": {
        "stability": 0.5,
        "similarity_boost": 0.0,
        "style": 1.0,
        "use_speaker_boost": False,
        "speed": 0.9,
    },
    "seed": 0,
    "apply_text_normalization": "on",
    "apply_language_text_normalization": False,
    "pronunciation_dictionary_locators": [{"pronunciation_dictionary_id": "d1"}],
}


def misfits(value, schema, schemas):
    """The places where a value is not what a JSON schema (of the few words that this one uses) says."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        if all(list(misfits(value, option, schemas)) for option in schema["anyOf"]):
            yield value
        return
    types = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "object": dict, "array": list}
    kind = schema.get("type")
    if kind == "null" or not isinstance(value, types[kind]) or value not in schema.get("enum", [value]):
        yield value
    elif kind == "array":
        for item in value:
            yield from misfits(item, schema["items"], schemas)
    elif kind == "object":
        yield from set(value) - set(schema["properties"])
        yield from set(schema.get("required", ())) - set(value)
        for name, inner in value.items():
            yield from misfits(inner, schema["properties"].get(name, {"type": "null"}), schemas)


class HearingTests(ElevenLabsCase):
    def test_as_it_arrives(self):
        """Audio is delivered as it arrives, not when all of it is there."""
        self.vendor.stream()
        done = self.speak()
        self.write(b"one")
        self.assertEqual(self.heard, [b"one"])
        self.write(b"two")
        self.vendor.requests[0].finish()
        settle(self.clock)
        self.successResultOf(done)
        self.assertEqual(self.heard, [b"one", b"two"])

    def test_cancel_stops_the_vendor(self):
        """Cancelled between pieces, before the first, or before the head: the vendor's request ends."""
        for pieces in (2, 0):
            self.vendor.stream()
            done = self.speak()
            for _ in range(pieces):
                self.write(b"piece")
            done.cancel()
            self.failureResultOf(done, CancelledError)
            settle(self.clock)
        self.assertEqual((self.vendor.lost, self.heard), (2, [b"piece"] * 2))

    def test_cancel_while_it_connects(self):
        """Cancelled before the vendor took the connection, it fails with CancelledError and asks nothing more."""
        self.network.swallow("api.elevenlabs.io")
        done = self.speak()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.clock.advance(60)
        self.assertEqual(self.vendor.requests, [])

    def test_broken_off(self):
        """Audio that breaks off is not asked for again: the caller has heard half of it."""
        self.vendor.stream()
        done = self.speak()
        self.write(b"half")
        self.network.cut("api.elevenlabs.io")
        elapse(self.clock, 5)
        self.assertTrue(self.fails(done).retry)
        self.assertEqual(len(self.vendor.requests), 1)

    def test_no_audio(self):
        """A 200 that is JSON, HTML or empty is an error, whatever it says; nothing of it reaches the caller."""
        for kind, body in (
            (b"application/json", b"{}"),
            (b"text/html; charset=utf-8", b"<p>"),
            (b"audio/basic", b""),
        ):
            self.vendor.answers = [(200, kind, body)]
            self.fails(self.speak())
        self.assertEqual((self.heard, len(self.vendor.requests)), ([], 3))

    def test_endless_audio(self):
        """A vendor that never stops is stopped."""
        self.vendor.stream()
        done = self.speak("Hi")
        for _ in range(20):
            self.write(b"x" * 8000)
        self.assertIn("does not stop", str(self.fails(done)))
        self.assertLessEqual(len(b"".join(self.heard)), 12 * 8000)

    @given(st.lists(st.binary(min_size=1, max_size=2000), min_size=1, max_size=8))
    def test_any_pieces(self, pieces):
        """However the audio is cut on the wire, all of it arrives, in order, and no piece is empty."""
        self.setUp()
        self.vendor.stream()
        done = self.speak("a text of some length")
        for piece in pieces:
            self.write(piece)
        self.vendor.requests[0].finish()
        settle(self.clock)
        self.successResultOf(done)
        self.assertEqual(b"".join(self.heard), b"".join(pieces))
        self.assertTrue(all(self.heard))


class RetryTests(ElevenLabsCase):
    def test_busy(self):
        """A vendor that is busy is asked again, twice at most, within the time a caller waits."""
        self.vendor.refuse(429, {"code": "concurrent_limit_exceeded"}, times=2)
        done = self.speak()
        self.assertNoResult(done)
        elapse(self.clock, 0.8)
        self.successResultOf(done)
        self.assertEqual(len(self.vendor.requests), 3)

    def test_busy_for_long(self):
        """The third refusal is the end, and may be asked again later."""
        for status in (429, 425, 500, 503):
            self.vendor.answers.clear()
            self.vendor.requests.clear()
            self.vendor.refuse(status, "later", times=9)
            done = self.speak()
            elapse(self.clock, 0.8)
            self.assertTrue(self.fails(done).retry)
            self.assertEqual(len(self.vendor.requests), 3)

    def test_no_use(self):
        """What will not change is not asked again."""
        self.vendor.refuse(401, {"status": "invalid_api_key"}, times=9)
        self.assertFalse(self.fails(self.speak()).retry)
        self.assertEqual(len(self.vendor.requests), 1)

    def test_waits(self):
        """The waits are between 0.15 and 0.4 s, and not the same for every call."""
        self.vendor.refuse(429, "later", times=9)
        for chance, wait in ((0.0, 0.15), (0.5, 0.275), (1.0, 0.4)):
            self.tools = attrs.evolve(self.tools, chance=lambda chance=chance: chance)
            done = self.speak()
            waits = [call.getTime() for call in self.clock.getDelayedCalls() if call.func.__name__ == "callback"]
            self.assertEqual([round(due - self.clock.seconds(), 9) for due in waits], [wait])
            done.addErrback(lambda cancelled: None)
            done.cancel()

    def test_cancelled_while_it_waits(self):
        """Cancelled between two tries, it asks no more."""
        self.vendor.refuse(429, "later", times=9)
        done = self.speak()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        elapse(self.clock, 5)
        self.assertEqual(len(self.vendor.requests), 1)


class NetworkTests(ElevenLabsCase):
    def test_refused_for_a_moment(self):
        """A connection that is refused is tried again."""
        self.network.refuse("api.elevenlabs.io", times=2)
        done = self.speak()
        elapse(self.clock, 0.8)
        self.successResultOf(done)

    def test_refused(self):
        """A connection that is refused for good says what to check."""
        self.network.refuse("api.elevenlabs.io")
        done = self.speak()
        elapse(self.clock, 1)
        self.assertIn("refused the connection: check base_url", str(self.fails(done)))

    def test_no_such_name(self):
        """A name that does not resolve says so."""
        engine = make(msgspec.structs.replace(settings(), base_url="http://nowhere.example"), self.tools)
        done = engine.synthesize(Utterance("Hello"), self.heard.append)
        elapse(self.clock, 1)
        self.assertIn("nowhere.example cannot be found", str(self.fails(done)))

    def test_no_answer(self):
        """A vendor that takes the connection and does not answer is given up after 10 s, three times."""
        self.network.swallow("api.elevenlabs.io")
        done = self.speak()
        elapse(self.clock, 31)
        self.assertIn("did not answer within 10 s", str(self.fails(done)))

    def test_lost_before_the_head(self):
        """A connection that is lost before the response's head is tried again."""
        self.vendor.render = lambda request: NOT_DONE_YET
        done = self.speak()
        self.network.cut("api.elevenlabs.io")
        elapse(self.clock, 0.5)
        del self.vendor.render
        self.network.cut("api.elevenlabs.io")
        elapse(self.clock, 0.5)
        self.successResultOf(done)

    def test_redirects_are_not_followed(self):
        """A redirect would take the key to another host: it is an error that says so."""
        self.vendor.answers = [(307, b"text/html", b"")]
        self.assertIn("base_url redirects elsewhere (307)", str(self.fails(self.speak())))

    def test_endless_refusal(self):
        """A refusal whose body never ends is read for a second and no longer."""
        self.vendor.answers = [(403, b"application/json", None)]
        done = self.speak()
        for _ in range(5):
            self.write(b"[" * 5000)
        elapse(self.clock, 1)
        self.assertIn("(403)", str(self.fails(done)))
        self.assertEqual(self.vendor.lost, 1)

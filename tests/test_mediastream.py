"""The wire of Media Streams: every message of Twilio's documentation, every bad one, and what we send."""

import base64
import json
import string

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.errors import RemoteProtocolError
from voiced.twilio.mediastream import LARGEST, Key, Mark, Media, MediaStream, Start, Stop

SID, CALL, ACCOUNT = "MZ" + "1" * 32, "CA" + "2" * 32, "AC" + "3" * 32
CONNECTED = {"event": "connected", "protocol": "Call", "version": "1.0.0"}
FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}
START = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": SID,
    "start": {
        "accountSid": ACCOUNT,
        "streamSid": SID,
        "callSid": CALL,
        "tracks": ["inbound"],
        "mediaFormat": FORMAT,
        "customParameters": {"ticket": "t1", "k": "v"},
    },
}
MEDIA = {
    "event": "media",
    "sequenceNumber": "2",
    "streamSid": SID,
    "media": {"track": "inbound", "chunk": "1", "timestamp": "5", "payload": "/38A"},
}
DTMF = {
    "event": "dtmf",
    "streamSid": SID,
    "sequenceNumber": "5",
    "dtmf": {"track": "inbound_track", "digit": "1"},
}
MARK = {"event": "mark", "sequenceNumber": "4", "streamSid": SID, "mark": {"name": "0.1"}}
STOP = {
    "event": "stop",
    "sequenceNumber": "5",
    "streamSid": SID,
    "stop": {"accountSid": ACCOUNT, "callSid": CALL},
}
BEGUN = Start(SID, CALL, ACCOUNT, {"ticket": "t1", "k": "v"})


def wire(message):
    """A message as it travels."""
    return message if isinstance(message, bytes) else json.dumps(message).encode()


def begun():
    """A stream that has started."""
    stream = MediaStream()
    stream.receive(wire(CONNECTED))
    stream.receive(wire(START))
    return stream


def but(message, body=None, **changes):
    """That message with other values, at its top or in its body; None takes a key away."""
    inner = {key: value for key, value in {**message[message["event"]], **(body or {})}.items() if value is not None}
    outer = {**message, message["event"]: inner, **changes}
    return {key: value for key, value in outer.items() if value is not None}


GOOD = [
    ("media", MEDIA, Media(b"\xff\x7f\x00")),
    ("empty media", but(MEDIA, {"payload": ""}), Media(b"")),
    ("numbers as numbers", but(MEDIA, {"chunk": 1}), Media(b"\xff\x7f\x00")),
    ("media without its numbers", but(MEDIA, {"chunk": None, "timestamp": None}), Media(b"\xff\x7f\x00")),
    ("our own track", but(MEDIA, {"track": "outbound"}), None),
    ("dtmf", DTMF, Key("1")),
    *((f"key {key}", but(DTMF, {"digit": key}), Key(key)) for key in "0123456789*#ABCD"),
    ("mark", MARK, Mark("0.1")),
    ("a strange mark", but(MARK, {"name": 'é"\\ \x00'}), Mark('é"\\ \x00')),
    ("stop", STOP, Stop()),
    ("stop without its body", but(STOP, stop=None), Stop()),
    ("an unknown event", {"event": "weather", "streamSid": SID, "weather": {"rain": True}}, None),
    ("an unknown event of another stream", {"event": "weather", "streamSid": "MZ9"}, None),
    ("an event without a name", {"event": ""}, None),
    ("keys that are new", {**MEDIA, "mood": [1, None, {}]}, Media(b"\xff\x7f\x00")),
]

BAD = [
    ("nothing", b"", 1007),
    ("not JSON", b"hello", 1007),
    ("half of JSON", wire(MEDIA)[:-1], 1007),
    ("two in one", wire(MEDIA) * 2, 1007),
    ("not text", b"\xff\xfe\x00", 1007),
    ("not UTF-8 within", b'{"event":"\xff"}', 1007),
    ("half a character", b'{"event":"\\ud800"}', 1007),
    ("a list", b"[]", 1007),
    ("null", b"null", 1007),
    ("no event", b"{}", 1007),
    ("an event that is a number", b'{"event":1}', 1007),
    ("deep as a well", b'{"event":"media","x":' + b"[" * 60000, 1007),
    ("deep and of no shape", b"[" * 60000, 1007),
    ("too large", wire({**MEDIA, "x": " " * LARGEST}), 1009),
    ("too large and not JSON", b"x" * (LARGEST + 1), 1009),
    ("a second connected", CONNECTED, 1008),
    ("a second start", START, 1008),
    ("a second start of another stream", but(START, {"streamSid": "MZ9"}, streamSid="MZ9"), 1008),
    ("media of another stream", {**MEDIA, "streamSid": "MZ9"}, 1008),
    ("media of no stream", but(MEDIA, streamSid=None), 1008),
    ("dtmf of another stream", {**DTMF, "streamSid": "MZ9"}, 1008),
    ("mark of another stream", {**MARK, "streamSid": "MZ9"}, 1008),
    ("stop of another stream", {**STOP, "streamSid": "MZ9"}, 1008),
    ("media without its body", but(MEDIA, media=None), 1007),
    ("media without a payload", but(MEDIA, {"payload": None}), 1007),
    ("a payload that is a number", but(MEDIA, {"payload": 1}), 1007),
    ("bad base64", but(MEDIA, {"payload": "!!!!"}), 1007),
    ("broken base64", but(MEDIA, {"payload": "/38"}), 1007),
    ("base64 for URLs", but(MEDIA, {"payload": "_38A"}), 1007),
    ("base64 that is not ASCII", but(MEDIA, {"payload": "é"}), 1007),
    ("dtmf without its body", but(DTMF, dtmf=None), 1007),
    ("dtmf without a digit", but(DTMF, {"digit": None}), 1007),
    ("two keys in one", but(DTMF, {"digit": "12"}), 1008),
    ("no key", but(DTMF, {"digit": ""}), 1008),
    ("a key that no telephone has", but(DTMF, {"digit": "E"}), 1008),
    ("mark without its body", but(MARK, mark=None), 1007),
    ("mark without a name", but(MARK, {"name": None}), 1007),
]

BAD_STARTS = [
    ("media before start", MEDIA, 1008),
    ("dtmf before start", DTMF, 1008),
    ("mark before start", MARK, 1008),
    ("stop before start", STOP, 1008),
    ("start without its body", {"event": "start", "streamSid": SID}, 1007),
    ("start without a stream", but(START, {"streamSid": None}), 1007),
    ("start without a call", but(START, {"callSid": None}), 1007),
    ("start without an account", but(START, {"accountSid": None}), 1007),
    ("start with two streams", {**START, "streamSid": "MZ9"}, 1008),
    ("start with one stream in its body only", but(START, streamSid=None), 1008),
    ("start without a format", but(START, {"mediaFormat": None}), 1007),
    ("another encoding", but(START, {"mediaFormat": {**FORMAT, "encoding": "audio/l16"}}), 1008),
    ("another rate", but(START, {"mediaFormat": {**FORMAT, "sampleRate": 16000}}), 1008),
    ("stereo", but(START, {"mediaFormat": {**FORMAT, "channels": 2}}), 1008),
    ("a parameter that is no text", but(START, {"customParameters": {"ticket": 1}}), 1007),
]


class ReceiveTests(SynchronousTestCase):
    def refused(self, name, stream, message):
        """The close code that this message deserves."""
        error = self.assertRaises(RemoteProtocolError, stream.receive, wire(message))
        self.assertTrue(error.reason, name)
        return error.close_code

    def test_beginning(self):
        """`connected` says nothing; `start` says whose stream it is."""
        stream = MediaStream()
        self.assertIsNone(stream.receive(wire(CONNECTED)))
        self.assertEqual(stream.receive(wire(START)), BEGUN)

    def test_start_alone(self):
        """Nobody waits for `connected`, and a call without parameters has none."""
        message = but(START, {"customParameters": None})
        self.assertEqual(MediaStream().receive(wire(message)), attrs.evolve(BEGUN, parameters={}))

    def test_good(self):
        """Every documented message, and every harmless one."""
        for name, message, event in GOOD:
            self.assertEqual(begun().receive(wire(message)), event, name)

    def test_bad(self):
        """Every bad message, on a stream that has started."""
        for name, message, code in BAD:
            self.assertEqual(self.refused(name, begun(), message), code, name)

    def test_bad_starts(self):
        """Every bad message, on a stream that has not."""
        for name, message, code in BAD_STARTS:
            self.assertEqual(self.refused(name, MediaStream(), message), code, name)

    def test_largest(self):
        """A message of exactly 64 KiB is read."""
        room = LARGEST - len(wire({**MEDIA, "x": ""}))
        self.assertEqual(begun().receive(wire({**MEDIA, "x": " " * room})), Media(b"\xff\x7f\x00"))

    def test_missing_frames(self):
        """Frames that never came are counted; a number that comes again or goes back is not punished either."""
        stream = begun()
        chunks = ["1", "2", "5", "5", "3", "6", "0", "-7", "one", None, 9, "100000000", "1000000000", "9" * 30]
        missing = [stream.receive(wire(but(MEDIA, {"chunk": chunk}))).missing.frames for chunk in chunks]
        self.assertEqual(missing, [0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 10**8 - 7, 0, 0])

    def test_missing_messages(self):
        """So are messages, also those that are no audio, with the next audio that comes."""
        stream = begun()
        stream.receive(wire(but(DTMF, sequenceNumber="5")))
        missing = [stream.receive(wire(but(MEDIA, sequenceNumber=n))).missing.messages for n in ("6", "9", "2", "?")]
        self.assertEqual(missing, [3, 2, 0, 0])

    def test_missing_time(self):
        """So is time, from 100 ms on: the end of one piece of audio to the beginning of the next."""
        stream = begun()
        times = ["0", "100", "250", "100", "nonsense", "252", "900"]
        missing = [stream.receive(wire(but(MEDIA, {"timestamp": t}))).missing.seconds for t in times]
        self.assertEqual(missing, [0.0, 0.0, 0.15, 0.0, 0.0, 0.0, 0.648])

    @given(
        st.lists(
            st.tuples(
                *[st.sampled_from(["next", "next", "next", "again", "skips", "0", "?", "-1", ""])] * 3,
                st.sampled_from(["inbound", "inbound", "outbound"]),
                st.sampled_from(["/38A", "/38A" * 40, "", "/38", "é", "////"]),
                st.sampled_from([SID, SID, SID, "MZother", 7]),
            ),
            max_size=8,
        )
    )
    def test_written_otherwise(self, messages):
        """A message as Twilio writes it is read in one go, and one that is written otherwise means the same."""
        close, wide = begun(), begun()
        sequence, chunk, timestamp = 1, 0, 0
        for how_sequence, how_chunk, how_timestamp, track, payload, sid in messages:
            numbers = []
            for how, number, step in (
                (how_sequence, sequence, 1),
                (how_chunk, chunk, 1),
                (how_timestamp, timestamp, 20),
            ):
                known = {"next": number + step, "again": number, "skips": number + 30 * step}
                numbers.append(str(known.get(how, how)))
            sequence, chunk, timestamp = sequence + 1, chunk + 1, timestamp + 20
            body = {"track": track, "chunk": numbers[1], "timestamp": numbers[2], "payload": payload}
            message = {"event": "media", "sequenceNumber": numbers[0], "streamSid": sid, "media": body}
            outcomes = []
            for stream, separators in ((close, (",", ":")), (wide, (", ", ": "))):
                try:
                    outcomes.append(stream.receive(json.dumps(message, separators=separators).encode()))
                except RemoteProtocolError as error:
                    outcomes.append((error.close_code, error.reason))
            self.assertEqual(*outcomes)

    def test_time_of_usual_messages(self):
        """However usual it is: what is missing is told by its time, and time that goes back tells nothing."""
        stream = begun()
        missing = []
        for number, timestamp in enumerate((0, 1000, 1000, 1020), 1):
            media = {"track": "inbound", "chunk": str(number), "timestamp": str(timestamp), "payload": "/////////w=="}
            message = but(MEDIA, media, sequenceNumber=str(number + 1))
            missing.append(stream.receive(json.dumps(message, separators=(",", ":")).encode()).missing.seconds)
        self.assertEqual(missing, [0.0, 0.999, 0.0, 0.0])

    def test_no_time_at_all(self):
        """A number that is far too long tells nothing, however usual its message is."""
        for timestamp in ("9" * 10, "9" * 400, "9" * 5000, "-50"):
            media = {"track": "inbound", "chunk": "1", "timestamp": timestamp, "payload": "/38A"}
            message = but(MEDIA, media, sequenceNumber="2")
            event = begun().receive(json.dumps(message, separators=(",", ":")).encode())
            self.assertEqual(event, Media(b"\xff\x7f\x00"))

    def test_usual_marks(self):
        """A mark that is written as Twilio does means what any other means, and what is missing before it is told."""
        stream, missing = begun(), []
        for sequence, name in (("2", "1.1"), ("3", "1.2"), ("6", "1.3"), ("?", "1.4"), ("7", "1.5")):
            usual = json.dumps(but(MARK, {"name": name}, sequenceNumber=sequence), separators=(",", ":")).encode()
            self.assertEqual(stream.receive(usual), Mark(name))
            missing.append(stream.receive(wire(but(MEDIA, sequenceNumber=None))).missing.messages)
        self.assertEqual(missing, [0, 0, 2, 0, 0])
        usual = json.dumps(but(MARK, streamSid="MZ" + "9" * 32, sequenceNumber="8"), separators=(",", ":")).encode()
        self.assertEqual(self.refused("of another stream", stream, json.loads(usual)), 1008)
        self.assertEqual(self.refused("as Twilio writes it", begun(), json.loads(usual)), 1008)
        self.assertRaises(RemoteProtocolError, begun().receive, b'{"event":"mark",}')

    def test_usual_message_of_another_stream(self):
        """However usual it is written."""
        usual = json.dumps(but(MEDIA, streamSid="MZ" + "9" * 32), separators=(",", ":")).encode()
        with self.assertRaises(RemoteProtocolError) as caught:
            begun().receive(usual)
        self.assertEqual(caught.exception.close_code, 1008)

    def test_strange_bodies_of_strange_messages(self):
        """What an unknown event carries is nobody's business, even under names that we know."""
        for body in (5, "x", {"payload": 7}, None):
            self.assertIsNone(
                begun().receive(wire({"event": "news", "media": body, "start": body, "streamSid": body}))
            )

    def test_other_track_counts_for_itself(self):
        """The chunks of a track that is not the caller's leave no gaps in the caller's."""
        stream = begun()
        stream.receive(wire(but(MEDIA, {"track": "outbound", "chunk": "50"})))
        self.assertEqual(stream.receive(wire(MEDIA)), Media(b"\xff\x7f\x00"))

    def test_a_refused_message_changes_nothing(self):
        """After a bad start a good one is a first one."""
        stream = MediaStream()
        self.refused("stereo", stream, but(START, {"mediaFormat": {**FORMAT, "channels": 2}}))
        self.assertEqual(stream.receive(wire(START)), BEGUN)

    def test_repr_shows_no_audio_and_no_ticket(self):
        """What may end up in a log holds neither the ticket nor what was said."""
        self.assertNotIn("t1", repr(BEGUN))
        self.assertNotIn("xff", repr(Media(b"\xff")))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([SID, CALL, "1", "/38A"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = ["event", "streamSid", "start", "media", "dtmf", "mark", "stop", "payload", "chunk", "track", "digit", "name"]
MESSAGES = st.dictionaries(st.sampled_from(KEYS), JSON).map(
    lambda message: {"streamSid": SID, **message}
) | st.sampled_from([START, MEDIA, DTMF, MARK, STOP]).flatmap(
    lambda good: st.dictionaries(st.sampled_from(KEYS), JSON).map(lambda body: but(good, body))
)


class HostileTests(SynchronousTestCase):
    def check(self, stream, message):
        """An event, nothing, or RemoteProtocolError with a close code; anything else fails the test."""
        try:
            event = stream.receive(message)
        except RemoteProtocolError as error:
            self.assertIn(error.close_code, (1007, 1008, 1009))
        else:
            self.assertIsInstance(event, Start | Media | Key | Mark | Stop | None)

    @given(st.binary() | st.text().map(str.encode))
    def test_any_bytes(self, message):
        """Any bytes at all."""
        self.check(MediaStream(), message)
        self.check(begun(), message)

    @given(st.lists(MESSAGES.map(wire), max_size=4))
    def test_any_messages(self, messages):
        """Any JSON, and any of Twilio's messages with anything in it."""
        stream = begun()
        for message in messages:
            self.check(MediaStream(), message)
            self.check(stream, message)

    @given(st.sampled_from([START, MEDIA, DTMF, MARK, STOP]), st.integers(0, 300), st.binary(max_size=3))
    def test_any_damage(self, message, at, damage):
        """A good message with some bytes of it replaced."""
        text = wire(message)
        self.check(begun(), text[:at] + damage + text[at + len(damage) :])


class SendTests(SynchronousTestCase):
    def test_exactly(self):
        """What we send is the documented JSON: no other key, no other spelling."""
        stream = begun()
        for message, expected in [
            (stream.media(b"\xff\x7f\x00"), {"event": "media", "streamSid": SID, "media": {"payload": "/38A"}}),
            (stream.mark("0.1"), {"event": "mark", "streamSid": SID, "mark": {"name": "0.1"}}),
            (stream.clear(), {"event": "clear", "streamSid": SID}),
        ]:
            self.assertEqual(json.loads(message), expected)

    def test_before_start(self):
        """Before `start` there is no stream to name; what is sent is JSON all the same."""
        self.assertEqual(json.loads(MediaStream().clear()), {"event": "clear", "streamSid": ""})

    @given(st.binary())
    def test_any_audio(self, audio):
        """Any audio goes out as standard base64, and comes back through the same codec."""
        sent = json.loads(begun().media(audio))
        self.assertEqual(base64.b64decode(sent["media"]["payload"], validate=True), audio)
        self.assertEqual(begun().receive(wire({**sent, "event": "media"})).audio, audio)

    @given(st.text() | st.text(string.printable + '"\\'))
    def test_any_mark(self, name):
        """A hostile name stays a name, and comes back as it was."""
        sent = begun().mark(name)
        self.assertEqual(json.loads(sent), {"event": "mark", "streamSid": SID, "mark": {"name": name}})
        self.assertEqual(begun().receive(sent), Mark(name))

    @given(st.text())
    def test_any_stream_sid(self, sid):
        """A hostile stream SID stays a stream SID: it adds no key of its own."""
        stream = MediaStream()
        stream.receive(wire(but(START, {"streamSid": sid}, streamSid=sid)))
        for message in (stream.media(b"\xff"), stream.mark("0.1"), stream.clear()):
            self.assertEqual(json.loads(message)["streamSid"], sid)
            self.assertLessEqual(set(json.loads(message)), {"event", "streamSid", "media", "mark"})

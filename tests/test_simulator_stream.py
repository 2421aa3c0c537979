"""Media streams: what the carrier sends, and how strictly it reads."""

import json
from base64 import b64decode
from itertools import pairwise

from twilio.request_validator import RequestValidator

from tests.test_simulator_daemon import STREAM, DoubleTestCase
from voiced.simulator.carrier import AUTH_TOKEN, Line
from voiced.simulator.messages import BadMessage, Clear, MarkRequest, Media, read

SID = "MZ" + "1" * 32
GOOD = [
    ({"event": "media", "streamSid": SID, "media": {"payload": "AAAA"}}, Media(b"\0\0\0")),
    ({"event": "mark", "streamSid": SID, "mark": {"name": "0.1"}}, MarkRequest("0.1")),
    ({"event": "clear", "streamSid": SID}, Clear()),
]
BAD = [
    (31950, "nonsense"),
    (31950, "[]"),
    (31951, {"event": "medium", "streamSid": SID}),
    (31951, {"event": ["media"], "streamSid": SID}),
    (31951, {"event": "media", "streamSid": SID}),
    (31951, {"event": "media", "media": {"payload": "AAAA"}}),
    (31951, {"event": "media", "stream_sid": SID, "media": {"payload": "AAAA"}}),
    (31951, {"event": "media", "streamSid": "MZ2", "media": {"payload": "AAAA"}}),
    (31951, {"event": "media", "streamSid": SID, "media": {"payload": "AAA"}}),
    (31951, {"event": "media", "streamSid": SID, "media": {"payload": "AA AA"}}),
    (31951, {"event": "media", "streamSid": SID, "media": {"payload": ""}}),
    (31951, {"event": "media", "streamSid": SID, "media": "AAAA"}),
    (31951, {"event": "media", "streamSid": SID, "media": {"payload": "AAAA", "track": "outbound"}}),
    (31951, {"event": "mark", "streamSid": SID, "mark": {"name": 7}}),
    (31951, {"event": "mark", "streamSid": SID, "mark": {}}),
    (31951, {"event": "clear", "streamSid": SID, "clear": {}}),
    (31951, {"event": "clear", "streamSid": SID, "sequenceNumber": "1"}),
]


class ReadTests(DoubleTestCase):
    """Messages one by one."""

    def test_good(self):
        """There are three messages."""
        for message, wanted in GOOD:
            self.assertEqual(read(json.dumps(message).encode(), SID), wanted)

    def test_bad(self):
        """Anything else is dropped, for a reason."""
        for code, message in BAD:
            text = message if isinstance(message, str) else json.dumps(message)
            with self.assertRaises(BadMessage, msg=text) as caught:
                read(text.encode(), SID)
            self.assertEqual(caught.exception.code, code, text)


class StreamTests(DoubleTestCase):
    """A stream between the carrier and the double."""

    def test_handshake(self):
        """The handshake goes to the path, signed for the wss URL alone."""
        self.ring()
        request = self.double.handshakes[0]
        signature = RequestValidator(AUTH_TOKEN).compute_signature("wss://voiced.example.com/stream/1", {})
        self.assertEqual((request.path, request.headers["x-twilio-signature"]), ("/stream/1", signature))

    def test_start(self):
        """connected and start come first, in Twilio's words."""
        call = self.ring()
        sid = call.stream.sid
        self.assertEqual(self.socket().heard[0], {"event": "connected", "protocol": "Call", "version": "1.0.0"})
        start = self.socket().heard[1]
        self.assertEqual((start["sequenceNumber"], start["streamSid"]), ("1", sid))
        self.assertEqual(
            start["start"],
            {
                "accountSid": call.account.sid,
                "streamSid": sid,
                "callSid": call.sid,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                "customParameters": {"ticket": "t1"},
            },
        )

    def test_frames(self):
        """Frames come every 20 ms without a pause, silent when nobody speaks, numbered in texts."""
        call = self.ring()
        self.elapse(0.04)
        call.speak(b"\x10" * 160)
        self.elapse(0.06)
        media = self.socket().events("media")
        self.assertEqual([frame["sequenceNumber"] for frame in media], ["2", "3", "4", "5", "6"])
        self.assertEqual([frame["media"]["chunk"] for frame in media], ["1", "2", "3", "4", "5"])
        self.assertEqual([frame["media"]["timestamp"] for frame in media], ["0", "20", "40", "60", "80"])
        audio = [b64decode(frame["media"]["payload"])[:1] for frame in media]
        self.assertEqual(audio, [b"\xff", b"\xff", b"\x10", b"\xff", b"\xff"])

    def test_gaps(self):
        """Lost frames leave gaps in every number."""
        self.ring(line=Line(5, gaps=0.05))
        self.elapse(5)
        media = self.socket().events("media")
        numbers = [int(frame["sequenceNumber"]) for frame in media]
        self.assertLess(len(numbers), 250)
        self.assertEqual([int(frame["media"]["chunk"]) + 1 for frame in media], numbers)
        self.assertEqual([int(frame["media"]["timestamp"]) // 20 + 2 for frame in media], numbers)

    def test_bursts(self):
        """What is held back comes all at once, in order, and nothing is lost."""
        self.ring(line=Line(5, bursts=1.0))
        arrivals = []
        for _ in range(250):
            self.elapse(0.02)
            arrivals.append(len(self.socket().events("media")))
        steps = {after - before for before, after in pairwise(arrivals)}
        self.assertTrue({0, 1} < steps and max(steps) > 5, steps)
        numbers = [int(message["sequenceNumber"]) for message in self.socket().heard[1:]]
        self.assertEqual(numbers, list(range(1, len(numbers) + 1)))

    def test_dtmf(self):
        """A key is a message of its own."""
        call = self.ring()
        call.press("1#")
        self.elapse(0)
        keys = [message["dtmf"] for message in self.socket().events("dtmf")]
        self.assertEqual(keys, [{"track": "inbound_track", "digit": "1"}, {"track": "inbound_track", "digit": "#"}])

    def test_marks(self):
        """A mark comes back when its audio has been heard."""
        call = self.ring()
        self.socket().media(b"\x10" * 1600)
        self.socket().mark("end")
        self.elapse(0.19)
        self.assertEqual(self.socket().events("mark"), [])
        self.elapse(0.02)
        self.assertEqual(self.socket().events("mark")[0]["mark"], {"name": "end"})
        self.assertEqual([(mark.time, mark.played) for mark in call.marks], [(0.2, True)])

    def test_clear(self):
        """A clear returns the marks at once, and the sheet knows that they were not heard."""
        call = self.ring()
        self.socket().media(b"\x10" * 1600)
        self.socket().mark("end")
        self.elapse(0.05)
        self.socket().say("clear")
        self.elapse(0.01)
        self.assertEqual(len(self.socket().events("mark")), 1)
        self.assertEqual([mark.played for mark in call.marks], [False])
        self.assertEqual(call.heard.count(0x10), 400)

    def test_too_much_audio(self):
        """More than ten minutes queued: 31931."""
        call = self.ring()
        for _ in range(13):
            self.socket().media(b"\x10" * 400_000)
        self.elapse(0)
        self.assertEqual(self.codes(call), [31931])

    def test_strict(self):
        """Bad messages are dropped with a warning each; the stream goes on."""
        call = self.ring()
        self.socket().sendMessage(b"\0", True)
        self.socket().sendMessage(b'{"event": "clear", "stream_sid": "x"}')
        self.elapse(0.1)
        self.assertEqual(self.codes(call), [31950, 31951])
        self.assertTrue(call.stream.live)

    def test_echo(self):
        """The caller's audio carries what the daemon says, 120 ms later."""
        self.ring(line=Line(echo=-20))
        self.socket().media(b"\x00" * 160)
        self.elapse(0.3)
        loud = [frame["media"]["timestamp"] for frame in self.socket().events("media") if _loud(frame)]
        self.assertEqual(loud, ["120"])

    def test_query(self):
        """Twilio supports no query in a stream's URL."""
        call = self.ring(STREAM.replace("/stream/1", "/stream/1?ticket=1"))
        self.assertEqual(self.codes(call), [31920])

    def test_scheme(self):
        """Nor anything but wss."""
        call = self.ring(STREAM.replace("/stream/1", "ws://voiced.example.com/stream/1"))
        self.assertEqual(self.codes(call), [31922])

    def test_close_code(self):
        """Another close than 1000 is an error."""
        call = self.ring()
        self.socket().sendCloseFrame(1011, b"bug")
        self.elapse(0.1)
        self.assertEqual([(alert.code, alert.level) for alert in call.warnings], [(31921, "error")])

    def test_stop_held_back(self):
        """Even on a stalled line everything goes before the stop does."""
        call = self.ring(line=Line(5, bursts=50))
        self.elapse(0.1)
        call.hang_up()
        self.elapse(0.1)
        self.assertEqual(self.socket().heard[-1]["event"], "stop")
        self.assertEqual(len(self.socket().events("media")), 5)


class RawStreamTests(DoubleTestCase):
    """Streams that no TwiML asked for."""

    def test_silent(self):
        """Whoever opens one may say anything on it."""
        stream = self.carrier.open_stream("/stream/1", silent=True)
        self.elapse(1)
        stream.send_raw('{"event": "nonsense"}')
        self.elapse(0)
        self.assertEqual(self.socket().heard, [{"event": "nonsense"}])

    def test_as_another_call(self):
        """Or claim to be any call, with any parameters and signature."""
        self.carrier.open_stream("/stream/2", call_sid="CA1", parameters={"ticket": "stolen"}, signature="wrong")
        self.elapse(0.1)
        start = self.socket().events("start")[0]["start"]
        self.assertEqual((start["callSid"], start["customParameters"]), ("CA1", {"ticket": "stolen"}))
        self.assertEqual(self.double.handshakes[0].headers["x-twilio-signature"], "wrong")

    def test_refused(self):
        """It ends with the reason of the refusal."""
        stream = self.carrier.open_stream("/nowhere")
        self.elapse(0)
        end = self.successResultOf(stream.when_ended())
        self.assertFalse(end.opened)
        self.assertIn("404", end.reason)

    def test_unreachable(self):
        """Or that nobody was there."""
        self.network.refuse("daemon")
        stream = self.carrier.open_stream("/stream/1")
        self.elapse(0)
        self.assertIn("31902", self.successResultOf(stream.when_ended()).reason)

    def test_given_up_while_connecting(self):
        """A stream that is stopped before it is open never opens."""
        stream = self.carrier.open_stream("/stream/1")
        stream.stop()
        self.elapse(10)
        self.assertEqual((self.double.sockets, self.clock.getDelayedCalls()[1:]), ([], []))


def _loud(frame):
    return any(byte not in (0xFF, 0x7F) for byte in b64decode(frame["media"]["payload"]))

"""The call sheet, and the audio that a call leaves behind."""

import io
import wave

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.simulator.mulaw import decode, encode, read_wav, silence, wav
from voiced.simulator.sheet import Entry, Sheet
from voiced.simulator.tape import Tape


class SheetTests(SynchronousTestCase):
    """Entries, and how long the caller has waited."""

    def test_line(self):
        """An entry reads as a line."""
        self.assertEqual(
            str(Entry(1.5, "caller", "presses", "1", 20)), "    1.50 s      +20 ms  caller  presses    1"
        )

    def test_waiting(self):
        """The waiting begins when the caller is done, and not before what is being said has been said."""
        clock = Clock()
        sheet = Sheet(clock)
        sheet.caller("speaks", until=2.0)
        clock.advance(1)
        sheet.caller("presses", "1")
        clock.advance(2)
        sheet.note("daemon", "audio")
        self.assertEqual([entry.since_caller_ms for entry in sheet.entries], [0, 0, 1000])

    def test_observer(self):
        """Who watches sees each entry as it is made."""
        seen = []
        sheet = Sheet(Clock(), on_entry=seen.append)
        sheet.alert(31951, "no such event")
        self.assertEqual((seen, seen[0].detail), (sheet.entries, "31951 no such event"))


class SoundTests(SynchronousTestCase):
    """mu-law, tapes and WAV files."""

    def test_every_byte(self):
        """What is decoded encodes to itself, but for the second zero."""
        every = bytes(range(256))
        self.assertEqual(encode(decode(every)), every.replace(b"\x7f", b"\xff"))

    def test_known_values(self):
        """The ends of the scale, and silence, as G.711 has them."""
        self.assertEqual(decode(b"\x00\x80\xff\xfe"), [-32124, 32124, 0, 8])
        self.assertEqual(encode([-99999, 99999]), b"\x00\x80")

    def test_wav(self):
        """Two channels, the shorter one filled up."""
        with wave.open(io.BytesIO(wav(silence(0.5), b"\x00" * 10))) as file:
            self.assertEqual((file.getnchannels(), file.getframerate(), file.getnframes()), (2, 8000, 4000))

    def test_read_wav(self):
        """A file of one channel is read back; bare mu-law stays itself."""
        sound = bytes(range(128)) + b"\xff" * 10
        self.assertEqual(read_wav(wav(sound)), sound.replace(b"\x7f", b"\xff"))
        self.assertEqual(read_wav(sound), sound)

    @given(st.lists(st.tuples(st.integers(0, 50), st.binary(min_size=1, max_size=20))), st.integers(0, 500))
    def test_tape(self, pieces, start):
        """A tape reads as if all of it had been written out."""
        tape, written = Tape(), b""
        for pause, piece in pieces:
            written += b"\xff" * pause + piece
            self.assertEqual(tape.put(tape.end + pause, piece), len(written))
        self.assertEqual(tape.read(start, start + 200), written[start : start + 200].ljust(200, b"\xff"))
        tape.cut(start)
        self.assertEqual(tape.read(0, 1000), written[:start].ljust(1000, b"\xff"))

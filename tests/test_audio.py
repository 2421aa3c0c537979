"""Audio is mu-law at 8000 bytes a second, and comes from WAV files too."""

import io
import struct
import sys
import wave

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call import audio


def wav_of(pcm: bytes, *, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    """A WAV file as Python's own wave module writes it."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(channels)
        out.setsampwidth(width)
        out.setframerate(rate)
        out.writeframes(pcm)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    """A RIFF chunk, padded to an even length."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def riff(*chunks: bytes) -> bytes:
    """A RIFF WAVE file of these chunks."""
    return chunk(b"RIFF", b"WAVE" + b"".join(chunks))


CHUNKS = st.builds(chunk, st.sampled_from([b"fmt ", b"data", b"LIST"]), st.binary(max_size=24))


class LengthTests(SynchronousTestCase):
    def test_seconds(self):
        """8000 bytes are a second, counted or given."""
        self.assertEqual(audio.seconds(4000), 0.5)
        self.assertEqual(audio.seconds(b"\xff" * 160), 0.02)

    def test_silence(self):
        """Silence is as long as asked for, and sounds of nothing."""
        self.assertEqual(len(audio.silence(0.25)), 2000)
        self.assertEqual(audio.to_linear(audio.silence(0.01)), bytes(160))


class LawTests(SynchronousTestCase):
    def test_table(self):
        """G.711's landmarks: the zeros, the smallest step and both ends."""
        for code, sample in [(0xFF, 0), (0x7F, 0), (0xFE, 8), (0x7E, -8), (0x80, 32124), (0x00, -32124)]:
            self.assertEqual(audio.to_linear(bytes([code])), struct.pack("<h", sample), hex(code))

    def test_compressing(self):
        """Every sample goes to the code whose own sample is nearest, loud ones to the loudest."""
        for sample, code in [(0, 0xFF), (8, 0xFE), (-8, 0x7E), (32767, 0x80), (-32768, 0x00), (1000, 0xCE)]:
            self.assertEqual(audio.from_linear(struct.pack("<h", sample)), bytes([code]), sample)

    def test_round_trip(self):
        """A code that went through 16 bits comes back (minus zero as zero)."""
        codes = bytes(range(256)).replace(b"\x7f", b"\xff")
        self.assertEqual(audio.from_linear(audio.to_linear(codes)), codes)

    @given(st.integers(-32635, 32635))
    def test_error_is_small(self, sample):
        """What comes back is within half a step of its segment (G.711, table 2)."""
        (back,) = struct.unpack("<h", audio.to_linear(audio.from_linear(struct.pack("<h", sample))))
        segment = (abs(back) + 132).bit_length() - 8
        self.assertLessEqual(abs(back - sample), 4 << segment)

    def test_big_endian(self):
        """On a big-endian machine the same bytes mean the same samples."""
        pcm = struct.pack("<4h", 0, 1000, -1000, 32767)
        swapped = struct.pack(">4h", 0, 1000, -1000, 32767)
        self.patch(sys, "byteorder", "big" if sys.byteorder == "little" else "little")
        self.assertEqual(audio.from_linear(swapped), b"\xff\xce\x4e\x80")
        self.assertNotEqual(audio.to_linear(b"\xff\xce\x4e\x80"), pcm)
        self.assertEqual(audio.from_linear(audio.to_linear(b"\xff\xce\x4e\x80")), b"\xff\xce\x4e\x80")


class FileTests(SynchronousTestCase):
    def test_headerless(self):
        """A name that is not .wav is mu-law already."""
        self.assertEqual(audio.from_file("hello.ulaw", b"\x01\x02"), b"\x01\x02")

    def test_misnamed_wav(self):
        """A WAV by another name would be played with its header as noise: refused."""
        error = self.assertRaises(ValueError, audio.from_file, "hello.ulaw", wav_of(b"\0\0"))
        self.assertIn("name it .wav", str(error))

    def test_sixteen_bit(self):
        """16-bit samples become mu-law; the name's case does not matter."""
        self.assertEqual(audio.from_file("HELLO.WAV", wav_of(struct.pack("<3h", 0, 8, -8))), b"\xff\xfe\x7e")

    def test_mulaw_wav(self):
        """Our own WAV comes back as it was, also of an odd length."""
        for sound in (b"", b"\x01", b"\x01\x02\x03\x04"):
            self.assertEqual(audio.from_file("a.wav", audio.wav(sound)), sound)

    def test_own_wav_is_a_wav(self):
        """The header says mu-law, 8 kHz, mono, and its sizes add up."""
        content = audio.wav(b"\x01\x02\x03")
        self.assertEqual(struct.unpack("<4sI4s", content[:12]), (b"RIFF", len(content) - 8, b"WAVE"))
        self.assertEqual(struct.unpack("<4sIHHIIHHH", content[12:38]), (b"fmt ", 18, 7, 1, 8000, 8000, 1, 8, 0))
        self.assertEqual(content[38:50], b"fact" + struct.pack("<II", 4, 3))
        self.assertEqual(content[50:], b"data" + struct.pack("<I", 3) + b"\x01\x02\x03\0")

    def test_other_chunks_are_skipped(self):
        """Chunks that say nothing of the sound are passed over, with their padding."""
        form = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16))
        content = riff(chunk(b"LIST", b"odd"), form, chunk(b"junk", b"even"), chunk(b"data", b"\0\0"))
        self.assertEqual(audio.from_file("a.wav", content), b"\xff")

    def test_no_sound_at_all(self):
        """What is neither a WAV nor named as headerless mu-law would be noise."""
        error = self.assertRaises(ValueError, audio.from_file, "song.mp3", b"ID3")
        self.assertIn("sox song.mp3 -r 8000", str(error))

    def test_cut_off(self):
        """A file that was cut off is refused; one whose writer did not know its size gives what it has."""
        content = wav_of(struct.pack("<3h", 0, 8, -8))[:-1]
        error = self.assertRaises(ValueError, audio.from_file, "a.wav", content)
        self.assertIn("cut off: 5 of its 6 bytes", str(error))
        endless = content.replace(b"data\x06\0\0\0", b"data\x00\xf0\xff\x7f")
        self.assertEqual(audio.from_file("a.wav", endless), b"\xff\xfe")

    def test_other_formats(self):
        """Another rate, width or stereo is refused with the command that converts it."""
        for content, what in [
            (wav_of(b"\0\0", rate=44100), "44100 Hz"),
            (wav_of(b"\0\0\0\0", channels=2), "2 channel"),
            (wav_of(b"\0", width=1), "8 bit"),
        ]:
            error = self.assertRaises(ValueError, audio.from_file, "in.wav", content)
            self.assertIn(what, str(error))
            self.assertIn("`sox in.wav -r 8000 -c 1 -e mu-law out.wav`", str(error))

    def test_not_a_wav(self):
        """Neither RIFF alone nor WAVE alone makes a WAV file."""
        for content in (b"", b"RIFF", b"RIFF\0\0\0\0AVI ", b"OggS\0\0\0\0WAVE"):
            error = self.assertRaises(ValueError, audio.from_file, "a.wav", content)
            self.assertEqual(str(error), "it is not a WAV file")

    def test_no_sound(self):
        """A WAV without a format or without data has no sound in it."""
        short = chunk(b"fmt ", b"\1\0\1\0")
        for content in (riff(), riff(chunk(b"data", b"\0\0")), riff(short, chunk(b"data", b"\0\0"))):
            error = self.assertRaises(ValueError, audio.from_file, "a.wav", content)
            self.assertIn("without sound", str(error))

    @given(st.binary(max_size=60) | st.lists(CHUNKS | st.binary(max_size=30)).map(lambda chunks: riff(*chunks)))
    def test_hostile_files(self, content):
        """Whatever stands in a file, it gives audio or a ValueError."""
        try:
            self.assertIsInstance(audio.from_file("a.wav", content), bytes)
        except ValueError as error:
            self.assertTrue(str(error))

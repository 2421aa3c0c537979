"""Recordings on the disk: good at any moment, read by nobody else, and a disk that has no room."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import Any

import attrs
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, maybeDeferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.worker_threads import Threads
from voiced.call import audio
from voiced.call.filing import Filed, IRecording, IRecordings
from voiced.call.records import CallInfo
from voiced.errors import RecordingFailed
from voiced.recordings import MOST_WAITING, PIECE, Recordings, create, header

SID = "CA" + "0123456789abcdef" * 2
INFO = CallInfo(SID, "main", "+14155550100", "+14155550123")
FILE = f"recordings/2023-11-14/{SID}-1.wav"
SPEECH = bytes(range(250)) * 160
"""Five seconds."""


class Disk:
    """A disk with so many bytes of room for what these files write."""

    def __init__(self, room: int) -> None:
        self.room = room

    def create(self, path: Path) -> io.FileIO:
        """A file on it."""
        with create(path) as file:
            return CrampedFile(self, os.dup(file.fileno()))


class CrampedFile(io.FileIO):
    """A file that takes what there is room for, and then nothing. What is written over costs no room."""

    def __init__(self, disk: Disk, number: int) -> None:
        super().__init__(number, "rb+")
        self.disk = disk

    def write(self, content: Any) -> int:
        """Some of it."""
        at, size = self.tell(), os.fstat(self.fileno()).st_size
        content = content[: max(size - at, 0) + self.disk.room]
        if not content:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.disk.room -= max(at + len(content) - size, 0)
        return super().write(content)


class RecordingCase(SynchronousTestCase):
    """A data directory, and a call at a known time."""

    def setUp(self) -> None:
        """Nothing is recorded yet."""
        self.root = Path(self.mktemp())
        self.root.mkdir()
        self.clock = Clock()
        self.clock.advance(1_700_000_000)
        self.recordings = Recordings(self.root, self.clock, maybeDeferred)

    def full(self, room: int) -> Recordings:
        """Recordings on a disk with so much room."""
        return Recordings(self.root, self.clock, maybeDeferred, Disk(room).create)

    def record(self, *pieces: bytes, length: int | None = None) -> Filed:
        """A recording of these."""
        recording = self.recordings.open(INFO)
        for piece in pieces:
            recording.write(piece)
        filed: Filed = self.successResultOf(recording.finish(sum(map(len, pieces)) if length is None else length))
        return filed

    def sound(self, file: str) -> bytes:
        """What a reader of WAV files finds in it."""
        return audio.from_file(file, (self.root / file).read_bytes())


class HeaderTests(SynchronousTestCase):
    """The header by itself."""

    @given(st.binary(max_size=9))
    def test_header(self, content: bytes) -> None:
        """It is that of a whole file of such a length."""
        self.assertEqual(header(len(content)) + content + b"\0" * (len(content) % 2), audio.wav(content))


class FileTests(RecordingCase):
    """What is on the disk."""

    def test_interfaces(self) -> None:
        """They provide what they claim."""
        verifyObject(IRecordings, self.recordings)
        verifyObject(IRecording, self.recordings.open(INFO))

    def test_file(self) -> None:
        """A recording is a WAV file of its day (UTC) and call, with all that was written."""
        self.assertEqual(self.record(SPEECH, b"\x10" * 161), Filed(FILE, len(SPEECH) + 161))
        self.assertEqual((self.root / FILE).read_bytes(), audio.wav(SPEECH + b"\x10" * 161))

    def test_cut(self) -> None:
        """What is not wanted of its end is not in the file."""
        for number, length in enumerate((1, 16000, 16001, len(SPEECH)), 1):
            filed = self.record(SPEECH, length=length)
            self.assertEqual(filed, Filed(FILE.replace("-1.", f"-{number}."), length))
            self.assertEqual((self.root / filed.file).read_bytes(), audio.wav(SPEECH[:length]))

    def test_numbers(self) -> None:
        """Each recording of a call has its own file, also after a restart; a link is not followed."""
        (self.root / FILE).parent.mkdir(parents=True)
        (self.root / FILE).symlink_to(self.root / "elsewhere")
        self.assertEqual(self.record(SPEECH).file, FILE.replace("-1.", "-2."))
        self.assertEqual(self.record(SPEECH).file, FILE.replace("-1.", "-3."))
        self.assertFalse((self.root / "elsewhere").exists())

    def test_private(self) -> None:
        """Nobody else reads the files, or sees which there are."""
        filed = self.record(SPEECH)
        self.successResultOf(self.recordings.write_down(filed.file, "Hi.\n"))
        file = self.root / filed.file
        modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, file.with_suffix(".txt"), file.parent)]
        self.assertEqual(modes, [0o600, 0o600, 0o700])
        self.assertEqual(stat.S_IMODE(file.parent.parent.stat().st_mode), 0o700)

    def test_good_at_any_moment(self) -> None:
        """A daemon that is killed leaves a file that plays, with all but the last two seconds in it."""
        recording = self.recordings.open(INFO)
        written = b""
        for at in range(0, len(SPEECH), 160):
            recording.write(SPEECH[at : at + 160])
            written += SPEECH[at : at + 160]
            if len(written) >= PIECE:
                self.assertEqual(self.sound(FILE), written[: len(written) // PIECE * PIECE])
        self.assertEqual(len(self.sound(FILE)), 2 * PIECE)

    def test_nothing_before_the_first_sound(self) -> None:
        """A recording that was opened and not written leaves nothing behind."""
        self.recordings.open(INFO)
        self.assertEqual(list(self.root.iterdir()), [])

    @given(st.text())
    def test_hostile_names(self, sid: str) -> None:
        """A call's name that is no part of a file's name is recorded nowhere."""
        for name in (f"../{sid}", f"CA{sid}/..", f"\0{sid}", f"{sid}.wav", "", "C" * 65, f"CA{sid}\n"):
            with self.assertRaises(RecordingFailed):
                self.recordings.open(attrs.evolve(INFO, sid=name))

    def test_read(self) -> None:
        """A stretch of a recording is read from byte to byte."""
        filed = self.record(SPEECH)
        self.assertEqual(self.successResultOf(self.recordings.read(filed.file, 100, 300)), SPEECH[100:300])
        read = self.recordings.read("recordings/none.wav", 0, 1)
        self.assertIn("No such file", str(self.failureResultOf(read, RecordingFailed).value))

    def test_text(self) -> None:
        """What was said stands beside it, once."""
        filed = self.record(SPEECH)
        for text in ("Grüß Gott.\n", ""):
            done = self.recordings.write_down(filed.file, text)
        self.assertIn("File exists", str(self.failureResultOf(done, RecordingFailed).value))
        self.assertEqual((self.root / FILE).with_suffix(".txt").read_text("utf-8"), "Grüß Gott.\n")


class ThreadTests(RecordingCase):
    """Order, and a disk that is slow."""

    def setUp(self) -> None:
        """Threads that do nothing by themselves."""
        super().setUp()
        self.threads = Threads()
        self.recording = Recordings(self.root, self.clock, self.threads).open(INFO)

    def test_pieces(self) -> None:
        """Two seconds at a time go to the disk, one piece after the other, and it is closed last."""
        for at in range(0, len(SPEECH), 160):
            self.recording.write(SPEECH[at : at + 160])
        finished = self.recording.finish(len(SPEECH))
        lengths = []
        while self.threads.work:
            self.assertEqual(len(self.threads.work), 1)
            self.assertNoResult(finished)
            self.threads.run()
            lengths.append((self.root / FILE).stat().st_size - 58)
        self.assertEqual(lengths, [PIECE, 2 * PIECE, len(SPEECH), len(SPEECH)])
        self.assertEqual(self.successResultOf(finished).length, len(SPEECH))

    def test_slow(self) -> None:
        """A disk that is half a minute behind gets no more: memory has an end, too."""
        with capturedLogs() as logs:
            for _ in range(3 * MOST_WAITING):
                self.recording.write(b"\x10" * PIECE)
        self.assertIn("too slow", str(self.recording.failure))
        self.assertEqual(len(logs), 1)
        finished = self.recording.finish(10**6)
        while self.threads.work:
            self.threads.run()
        self.assertEqual(self.successResultOf(finished).length, PIECE)

    def test_hangs(self) -> None:
        """Who does not want to wait for a disk that hangs cancels the waiting; the file plays all the same."""
        self.recording.write(SPEECH[:PIECE])
        self.threads.run()
        finished = self.recording.finish(PIECE)
        finished.cancel()
        self.failureResultOf(finished, CancelledError)
        self.assertEqual(self.sound(FILE), SPEECH[:PIECE])


class FullTests(RecordingCase):
    """A disk without room, or that may not be written."""

    def test_full_in_the_middle(self) -> None:
        """What was written before is kept and can be played; the log says once where and why it ended."""
        recording = self.full(PIECE + 1000).open(INFO)
        with capturedLogs() as logs:
            for at in range(0, len(SPEECH), 160):
                recording.write(SPEECH[at : at + 160])
        [event] = logs
        self.assertEqual(str(recording.failure), event["error"])
        self.assertIn(f"{self.root / 'recordings'} (No space left on device)", event["error"])
        self.assertEqual(self.successResultOf(recording.finish(len(SPEECH))), Filed(FILE, PIECE))
        self.assertEqual((self.root / FILE).read_bytes(), audio.wav(SPEECH[:PIECE]))

    def test_full_from_the_beginning(self) -> None:
        """Where there is no room at all, there is no file either."""
        for room in (0, 30, 100):
            recording = self.full(room).open(INFO)
            recording.write(SPEECH)
            self.failureResultOf(recording.finish(len(SPEECH)), RecordingFailed)
            self.assertEqual(list((self.root / FILE).parent.iterdir()), [])
            self.assertIn("No space left", str(recording.failure))

    def test_full_at_the_end(self) -> None:
        """What is too much for the disk when it is over is missing, and that is said."""
        recording = self.full(PIECE + 1000).open(INFO)
        recording.write(SPEECH[:PIECE])
        recording.write(SPEECH[PIECE : PIECE + 4000])
        self.assertIsNone(recording.failure)
        self.assertEqual(self.successResultOf(recording.finish(PIECE + 4000)).length, PIECE)
        self.assertIn("No space left", str(recording.failure))

    def test_no_directory(self) -> None:
        """A data directory that is gone is a failure with its name."""
        self.root.rmdir()
        recording = self.recordings.open(INFO)
        recording.write(SPEECH)
        self.assertIn(f"{self.root}/recordings (No such file", str(recording.failure))
        self.failureResultOf(recording.finish(1), RecordingFailed)

    def test_cannot_finish(self) -> None:
        """A file that goes away under us fails when it is finished, too."""
        recording = Recordings(self.root, self.clock, maybeDeferred, self.brittle).open(INFO)
        recording.write(SPEECH)
        failure = self.failureResultOf(recording.finish(100), RecordingFailed)
        self.assertIn("Input/output error", str(failure.value))

    def test_half_a_text(self) -> None:
        """A text for which there is no room is not there."""
        filed = self.record(SPEECH)
        self.failureResultOf(self.full(3).write_down(filed.file, "Hello."), RecordingFailed)
        self.assertFalse((self.root / filed.file).with_suffix(".txt").exists())

    def brittle(self, path: Path) -> io.FileIO:
        """A file that cannot be cut."""

        class Brittle(io.FileIO):
            def truncate(self, size: int | None = None) -> int:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

        with create(path) as file:
            return Brittle(os.dup(file.fileno()), "rb+")

"""Where recordings are kept: the contract between who records (voiced.call.recorder) and who writes files."""

# ruff: noqa: N805 - the methods of an Interface have no self

from __future__ import annotations

import attrs
from twisted.internet.defer import Deferred
from zope.interface import Attribute, Interface

from voiced.call.records import CallInfo
from voiced.errors import RecordingFailed


@attrs.frozen
class Filed:
    """A recording that is on the disk."""

    file: str
    """Its path below the data directory, with `/`."""
    length: int
    """Bytes of audio in it."""


class IRecording(Interface):
    """Audio on its way to the disk. Nothing here waits for the disk, and no more than some seconds are held."""

    failure: RecordingFailed | None = Attribute("Why nothing more can be kept; what came before it is. Else None.")

    def write(audio: bytes) -> None:
        """Keep this after what was before; the first one makes the file. Nothing happens once there is a failure."""

    def finish(length: int) -> Deferred[Filed]:
        """There is no more, and only the first so many bytes are wanted; fires when the file is complete. Once.

        After a `failure` it is what could be kept. Fails with RecordingFailed when that is nothing.
        """


class IRecordings(Interface):
    """Where recordings are kept, and beside them what was said. Fails with RecordingFailed only."""

    def open(info: CallInfo) -> IRecording:
        """A new one, of this call. Raises RecordingFailed when the call has no name for a file."""

    def read(file: str, start: int, stop: int) -> Deferred[bytes]:
        """The audio of one that is finished, from one byte of it to another."""

    def write_down(file: str, text: str) -> Deferred[None]:
        """Keep what was said in it, in `transcript_of(file)`."""


def transcript_of(file: str) -> str:
    """Where the text of a recording is kept: beside it."""
    return file.removesuffix(".wav") + ".txt"

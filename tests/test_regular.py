"""Regular files are read; pipes, devices and what has no end are said to be none, and nobody waits for them."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.written_files import GOOD, Case, said_of
from voiced import regular
from voiced.regular import content_of

PLAY = "flow: main\nstart: a\ninclude: all\nnodes:\n  a:\n    - play: a.wav\n    - closed: days\n    - hangup\n"
NONE = "cannot be read: it is a pipe or a device, and no file: put a file there"


class RegularTests(SynchronousTestCase):
    """Files of every kind."""

    def setUp(self) -> None:
        """A directory."""
        self.directory = Path(self.mktemp())
        self.directory.mkdir()

    def test_content(self) -> None:
        """A file is read, and one behind a link, too."""
        (self.directory / "a").write_bytes(b"one\r\n")
        (self.directory / "b").symlink_to("a")
        self.assertEqual([content_of(self.directory / name) for name in "ab"], [b"one\r\n"] * 2)

    def test_none(self) -> None:
        """A pipe, a device and a directory are none; nor is what is not there."""
        os.mkfifo(self.directory / "pipe")
        for path, error in (
            (self.directory / "pipe", "a pipe or a device"),
            (Path("/dev/zero"), "a pipe or a device"),
            (self.directory, "Is a directory"),
            (self.directory / "none", "No such file"),
        ):
            self.assertIn(error, str(self.assertRaises(OSError, content_of, path)))

    def test_too_long(self) -> None:
        """A file may have so many bytes, and no more."""
        self.patch(regular, "MOST", 4)
        (self.directory / "a").write_bytes(b"1234")
        self.assertEqual(content_of(self.directory / "a"), b"1234")
        (self.directory / "a").write_bytes(b"12345")
        self.assertIn("more than 4", str(self.assertRaises(OSError, content_of, self.directory / "a")))

    def test_check(self) -> None:
        """Whatever kind of file it is that settings and flows name, a fault says that it is none."""
        more = "lookups: {crm: {lookup: table, file: crm.csv}}\noutbound: {dnc: dnc, allow: [US]}\n"
        files = {"voiced.yaml": GOOD["voiced.yaml"] + more + "human: '${file:human}'\n", "flows/main.yaml": PLAY}
        Case("", files).write(self.directory)
        pipes = ("flows/pipe.yaml", "flows/all", "flows/a.wav", "flows/days", "crm.csv", "dnc", "human")
        for name in pipes:
            os.mkfifo(self.directory / name)
        said = said_of(self.directory)
        for name in pipes:
            self.assertTrue(any(name in each and NONE in each for each in said), (name, said))

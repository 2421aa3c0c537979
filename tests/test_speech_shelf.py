"""Shelves keep audio by key, within their size, and survive whatever happens to a file."""

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from voiced.speech.shelf import Damaged, DiskShelf, MemoryShelf


class MemoryShelfTests(SynchronousTestCase):
    def test_least_recently_used_goes(self):
        """When it is full, what was used longest ago goes."""
        shelf = MemoryShelf(10)
        shelf.put("a", b"aaaa")
        shelf.put("b", b"bbbb")
        shelf.get("a")
        shelf.put("c", b"cccc")
        self.assertEqual([shelf.get(key) for key in "abc"], [b"aaaa", None, b"cccc"])

    def test_same_key(self):
        """A key that is put again counts once."""
        shelf = MemoryShelf(10)
        for _ in range(5):
            shelf.put("a", b"aaaa")
        shelf.put("b", b"bbbbbb")
        self.assertIn("a", shelf)
        self.assertIn("b", shelf)

    def test_too_large(self):
        """What is larger than the shelf is not kept, and nothing breaks."""
        shelf = MemoryShelf(3)
        shelf.put("a", b"aaaa")
        self.assertNotIn("a", shelf)
        self.assertIsNone(shelf.get("a"))


class DiskShelfTests(SynchronousTestCase):
    def setUp(self):
        self.directory = Path(self.mktemp()) / "speech"
        self.shelf = DiskShelf(self.directory, 1000)

    def file(self, key="a"):
        return self.directory / f"{key}.ulaw"

    def names(self):
        return sorted(path.name for path in self.directory.iterdir())

    def test_keeps(self):
        """What is put is there, for another process too, and nothing else is left in the directory."""
        self.shelf.put("a", b"audio")
        self.assertEqual(DiskShelf(self.directory, 1000).get("a"), b"audio")
        self.assertIn("a", self.shelf)
        self.assertEqual(self.names(), ["a.ulaw"])

    def test_nothing_there(self):
        """A key that was never put, in a directory that is not there, is None."""
        self.assertIsNone(self.shelf.get("a"))
        self.assertNotIn("a", self.shelf)

    def test_damaged(self):
        """A file that was cut, emptied or changed is told and removed."""
        for damage in (lambda content: content[:-1], lambda _: b"", lambda content: content[:-1] + b"x"):
            self.shelf.put("a", b"audio")
            self.file().write_bytes(damage(self.file().read_bytes()))
            self.assertRaises(Damaged, self.shelf.get, "a")
            self.assertIsNone(self.shelf.get("a"))

    def test_least_recently_used_goes(self):
        """When it is full, the file read longest ago goes."""
        for age, key in enumerate("abc"):
            self.shelf.put(key, b"x" * 200)
            os.utime(self.file(key), (age, age))
        self.shelf.get("a")
        self.shelf.put("d", b"x" * 300)
        self.assertEqual(self.names(), ["a.ulaw", "c.ulaw", "d.ulaw"])

    def test_foreign_files(self):
        """Files of others are let alone; a temporary one goes when its writer must be dead."""
        self.directory.mkdir(parents=True)
        for name in ("README", ".new.part", ".old.part"):
            (self.directory / name).write_bytes(b"x" * 5000)
        os.utime(self.directory / ".old.part", (0, 0))
        self.shelf.put("a", b"audio")
        self.assertEqual(self.names(), [".new.part", "README", "a.ulaw"])

    def test_cannot_write(self):
        """Where no file can be written OSError says so, and no temporary file stays."""
        self.directory.parent.mkdir(parents=True)
        self.directory.write_bytes(b"a file where the directory should be")
        self.assertRaises(OSError, self.shelf.put, "a", b"audio")
        self.directory.unlink()
        self.file().mkdir(parents=True)
        (self.file() / "x").touch()
        self.assertRaises(OSError, self.shelf.put, "a", b"audio")
        self.assertEqual(self.names(), ["a.ulaw"])

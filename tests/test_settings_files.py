"""What a version's hash is made of, and what a reload takes over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.test_settings_agents import TOY
from voiced.call.audio import wav
from voiced.ivoiced import Mentions, Tools
from voiced.maker import Maker
from voiced.settings.files import Files
from voiced.settings.load import build_program, read
from voiced.settings.made import Made
from voiced.settings.registry import Found, Registry
from voiced.testing.fakes import FakeTools

SETTINGS = """
public_url: https://voiced.test
twilio: {account_sid: AC00000000000000000000000000000000, auth_token: "${TOKEN}"}
api: {keys: ["${file:secret}"]}
numbers: {default: test}
outbound: {dnc: dnc.txt}
lookups: {book: {lookup: toy, file: book.csv}, other: {lookup: toy}}
tools: {book: {tool: hang_up, description: Bye.}}
agents: {a: {agent: toy, tools: [book], barge_in: none}}
"""
FLOW = "flow: test\nstart: start\nnodes:\n  start:\n    - play: one.wav\n"
FILES = {
    "voiced.yaml": SETTINGS,
    "flows/test.yaml": FLOW,
    "dnc.txt": "+14155550100\n",
    "book.csv": "ann\n",
    "secret": "a-key-of-more-than-twenty-characters",
}


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This module is the lookup `toy`, of a file that it reads itself."""

    file: str = ""

    def mentions(self) -> Mentions:
        """Its file."""
        return Mentions(files=(self.file,) if self.file else ())


class Book:
    """The toy."""

    def lookup(self, call: Any) -> Deferred[dict[str, str]]:
        """Nobody is known."""
        return succeed({})


def make(settings: Settings, tools: Tools) -> Book:
    """The toy."""
    return Book()


REGISTRY = Registry((*Registry.find().found, TOY, Found(Maker("lookup", "toy", "A toy", __name__), __name__)))


class HashTests(SynchronousTestCase):
    """Settings, a flow with a sound, a list and a plugin's own file."""

    def setUp(self) -> None:
        """Write them."""
        self.home = Path(self.mktemp())
        (self.home / "flows").mkdir(parents=True)
        for name, text in FILES.items():
            (self.home / name).write_text(text)
        (self.home / "flows/one.wav").write_bytes(wav(bytes([1]) * 8))

    def hash(self, filled: str = "t") -> str:
        """The hash of what is in the files now."""
        return read(self.home / "voiced.yaml", {"TOKEN": filled}, REGISTRY).hash

    def test_every_file(self) -> None:
        """Whatever file is another makes another version."""
        seen = {self.hash()}
        for name in ("voiced.yaml", "flows/test.yaml", "dnc.txt", "book.csv"):
            with (self.home / name).open("a") as file:
                file.write("\n")
            seen.add(self.hash())
        (self.home / "flows/one.wav").write_bytes(wav(bytes([2]) * 8))
        self.assertEqual(len(seen | {self.hash()}), 6)

    def test_secrets(self) -> None:
        """What is filled in from the environment and from files of secrets is not in it."""
        before = self.hash()
        (self.home / "secret").write_text("another-key-of-more-than-twenty")
        self.assertEqual(self.hash("another-token"), before)

    def test_plugins_file(self) -> None:
        """A file that a plugin reads itself may be missing as far as the hash is concerned."""
        before = self.hash()
        (self.home / "book.csv").unlink()
        self.assertNotEqual(self.hash(), before)

    def test_taken_over(self) -> None:
        """A lookup whose file is another is made anew; all else is taken over."""
        tools, made = FakeTools(Clock()), Made()
        before = build_program(read(self.home / "voiced.yaml", {"TOKEN": "x"}, REGISTRY), tools, made)
        (self.home / "book.csv").write_text("bob\n")
        after = build_program(read(self.home / "voiced.yaml", {"TOKEN": "x"}, REGISTRY), tools, made.anew())
        self.assertIs(after.lookups["other"], before.lookups["other"])
        self.assertIsNot(after.lookups["book"], before.lookups["book"])
        self.assertIs(after.agents["a"].agent, before.agents["a"].agent)
        self.assertIs(after.agents["a"].tools["book"], before.agents["a"].tools["book"])


class FilesTests(SynchronousTestCase):
    """The files by themselves."""

    def test_order(self) -> None:
        """The order in which they are read does not matter; their names do."""
        home = Path(self.mktemp())
        home.mkdir()
        hashes = []
        for names in ("ab", "ba", "a", "b"):
            files = Files(home)
            for name in names:
                (home / name).write_text("the same")
                files.read(home / name)
            hashes.append(files.hash)
        self.assertEqual((hashes[0], len(set(hashes))), (hashes[1], 3))


class MadeTests(SynchronousTestCase):
    """Who is taken over, by itself."""

    def test_made(self) -> None:
        """Made of the same is the same; of something else, or after a round without it, another."""
        first = Made()
        one = first.make("voice", "a", (1,), object)
        second = first.anew()
        self.assertIs(second.make("voice", "a", (1,), object), one)
        self.assertIsNot(second.make("lookup", "a", (1,), object), one)
        self.assertIsNot(first.anew().make("voice", "a", (2,), object), one)
        self.assertIsNot(first.anew().anew().make("voice", "a", (1,), object), one)

    def test_done(self) -> None:
        """What was not taken over is let go."""
        first = Made()
        first.make("voice", "a", (1,), object)
        second = first.anew()
        second.done()
        self.assertIsNot(second.make("voice", "a", (1,), object), first.make("voice", "a", (1,), object))

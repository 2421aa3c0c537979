"""`voiced plugins`: what is installed, what each may be told, what is broken."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.privacy import Privacy
from voiced.call.spoken import Language
from voiced.call.template import Template
from voiced.cli import main
from voiced.cli.words import default_in_words, in_words
from voiced.maker import Maker
from voiced.secret import Secret
from voiced.settings.registry import Found, Registry


class Inner(msgspec.Struct, frozen=True):
    """A block."""

    size: int = 1


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This module is the lookup `toy`."""

    # Where it asks.
    url: str
    tries: Annotated[int, msgspec.Meta(ge=1, le=5)] = 2
    loud: bool = False
    greeting: Template = Template.parse("Hello {party.name|there}")
    privacy: Privacy = Privacy.MASKED


def make(settings: Settings, tools: Any) -> None:
    """Named by the registry."""


TYPES: list[tuple[Any, str]] = [
    (str, "text"),
    (str | None, "text"),
    (Annotated[str, msgspec.Meta(min_length=1)], "text, not empty"),
    (Annotated[str, msgspec.Meta(min_length=20)], "text, 20 or more"),
    (Annotated[str, msgspec.Meta(pattern="x", description="an x")], "text, an x"),
    (Annotated[float, msgspec.Meta(gt=0, lt=1)], "a number, more than 0, less than 1"),
    (int | Inner, "a whole number or settings (size)"),
    (Literal["a", "b"], "one of a, b"),
    (Privacy, "one of open, masked, strict"),
    (dict[str, Template], "names, each with text with facts, maybe in several languages"),
    (tuple[int, ...], "a list of a whole number"),
    (list[Secret] | Secret, "a list of a secret or a secret"),
    (Path, "a file or directory"),
    (Language, "the tag of a language"),
    (Any, "anything"),
    (bytes, "bytes"),
]


class WordsTests(SynchronousTestCase):
    """Types in words."""

    def test_types(self) -> None:
        """Whatever settings are made of."""
        for kind, words in TYPES:
            self.assertEqual(in_words(kind), words)

    def test_defaults(self) -> None:
        """What holds unless it is set; of a block or nothing, nothing is said."""
        defaults = {field.name: default_in_words(field) for field in msgspec.structs.fields(Settings)}
        self.assertEqual(
            defaults,
            {"url": "", "tries": "2", "loud": "false", "greeting": "'Hello {party.name|there}'", "privacy": "masked"},
        )
        more = msgspec.defstruct("More", [("a", str, "x"), ("b", str, ""), ("c", Inner, Inner()), ("d", float, 0.5)])
        self.assertEqual([default_in_words(field) for field in msgspec.structs.fields(more)], ["'x'", "", "", "0.5"])


class CommandTests(SynchronousTestCase):
    """The command."""

    def setUp(self) -> None:
        """What comes with voiced, a lookup of somebody else's, one that is broken, and a module that is."""
        makers = [
            Found(Maker("lookup", "toy", "A toy", __name__), "voiced.plugins.toys"),
            Found(Maker("lookup", "gone", "Not there", "not.there"), "voiced.plugins.toys"),
        ]
        registry = Registry((*Registry.find().found, *makers), {"voiced.plugins.acme": "ImportError: no acme"})
        self.patch(Registry, "find", classmethod(lambda cls: registry))

    def run_it(self, *arguments: str) -> Result:
        """Its result."""
        return CliRunner().invoke(main, ["plugins", *arguments])

    def test_all(self) -> None:
        """Every kind, each plugin in a line with where it is from; what is broken is named with its error."""
        result = self.run_it()
        self.assertEqual(result.exit_code, 0)
        kinds = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
        self.assertEqual(kinds, ["voice:", "agent:", "tool:", "lookup:", "step:"])
        self.assertIn("  toy    A toy (voiced.plugins.toys)\n", result.stdout)
        self.assertIn("not.there fails with ModuleNotFoundError: No module named 'not'", result.stdout)
        self.assertEqual(result.stderr, "broken: voiced.plugins.acme cannot be imported: ImportError: no acme\n")

    def test_kind(self) -> None:
        """One kind."""
        result = self.run_it("lookup")
        self.assertTrue(result.stdout.startswith("lookup:\n"))
        self.assertNotIn("voice:", result.stdout)

    def test_one(self) -> None:
        """One plugin with each of its settings."""
        result = self.run_it("lookup", "toy")
        self.assertEqual(result.exit_code, 0)
        self.assertIn(f"lookup toy: A toy\nfrom voiced.plugins.toys, {__name__}\n\nThis module is the", result.stdout)
        self.assertIn("  url: text (must be there)\n      Where it asks.\n", result.stdout)
        self.assertIn("  tries: a whole number, at least 1, at most 5 (unless set: 2)\n", result.stdout)

    def test_name_alone(self) -> None:
        """Without its kind, every plugin of that name is told of."""
        result = self.run_it("toy")
        self.assertEqual((result.exit_code, result.stdout.startswith("lookup toy: A toy\n")), (0, True))
        result = self.run_it("http")
        self.assertTrue(result.stdout.startswith("tool http: "))
        self.assertIn("\n\nstep http: ", result.stdout)
        result = self.run_it("tyo")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("no plugin, and no kind, is called 'tyo'; did you mean 'toy'? (voiced.plugins", result.stderr)
        result = self.run_it("looup", "toy")
        self.assertIn("no kind of plugins is called 'looup'; did you mean 'lookup'?", result.stderr)

    def test_step(self) -> None:
        """Of a step, the Struct is what it may be told."""
        self.assertIn("  keys: names, each with text, not empty (must be there)", self.run_it("step", "menu").stdout)

    def test_all_of_ours(self) -> None:
        """All that come with voiced can be told of."""
        for entry in Registry.find().found:
            if entry.where == "voiced.plugins.voiced_builtin":
                result = self.run_it(entry.maker.kind, entry.maker.name)
                self.assertEqual(result.exit_code, 0, result.output)

    def test_not_there(self) -> None:
        """One that is not there, or broken, ends it with 1; the broken modules are named, for it may be in one."""
        result = self.run_it("lookup", "tyo")
        self.assertEqual(result.exit_code, 1)
        self.assertIn("no lookup is called 'tyo'; did you mean 'toy'? (voiced.plugins.acme cannot be", result.stderr)
        result = self.run_it("lookup", "gone")
        self.assertEqual((result.exit_code, "not.there fails with" in result.stderr), (1, True))

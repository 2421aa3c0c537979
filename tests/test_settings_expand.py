"""What a settings file leaves to its surroundings, and what happens when they do not have it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.errors import Fault
from voiced.settings.expand import CREDENTIALS, expand
from voiced.settings.part import Part
from voiced.settings.plainyaml import BROKEN, parse

ENVIRON = {"NAME": "value", "PORT": "8080", "EMPTY": "", "ODD": "${NAME} $1 \\g<0>"}

FILLED: list[tuple[str, Any]] = [
    ("a: ${NAME}", {"a": "value"}),
    ("a: x${NAME}y${PORT}", {"a": "xvaluey8080"}),
    ("a: [b, '${NAME}']", {"a": ["b", "value"]}),
    ("a: ${OTHER:-default}", {"a": "default"}),
    ("a: ${NAME:-default}", {"a": "value"}),
    ("a: ${EMPTY:-default}", {"a": "default"}),
    ("a: '${OTHER:-tcp:80:x=1}'", {"a": "tcp:80:x=1"}),
    ("a: ${OTHER:-}", {"a": None}),
    ("a: x${OTHER:-}", {"a": "x"}),
    ("a: $${NAME}", {"a": "${NAME}"}),
    ("a: $NAME costs $5", {"a": "$NAME costs $5"}),
    ("a: ${ODD}", {"a": "${NAME} $1 \\g<0>"}),
    ("'${NAME}': x", {"value": "x"}),
    ("a: {b: {'x${PORT}': c}}", {"a": {"b": {"x8080": "c"}}}),
    ("a:", {"a": None}),
    ("a: ''", {"a": ""}),
]

MISSING = [
    ("x: 1\na: ${OTHER}", "2:4: the environment variable OTHER is not set, or empty: set it before voiced starts"),
    ("a: ${EMPTY}", "1:4: the environment variable EMPTY is not set, or empty: set it before voiced starts"),
    ("${OTHER}: a", "1:1: the environment variable OTHER is not set, or empty: set it before voiced starts"),
    ("a: ${NAME", "1:4: `${` is never closed: write `}` after the name, or `$${` for a plain `${`"),
    ("a: ${a b}", "1:4: `${a b}` is none of ${NAME}, ${NAME:-default}, ${file:…}, ${credential:…}"),
    ("a: ${}", "1:4: `${}` is none of ${NAME}, ${NAME:-default}, ${file:…}, ${credential:…}"),
    ("a: ${vault:x}", "1:4: `${vault:x}` is none of ${NAME}, ${NAME:-default}, ${file:…}, ${credential:…}"),
    ("a: ${file:/no/such}", "1:4: /no/such cannot be read: No such file or directory"),
    (
        "a: ${credential:token}",
        "1:4: there are no credentials: start voiced from systemd, with `LoadCredential=token:…`",
    ),
    ("value: a\n${NAME}: b", "2:1: '${NAME}' is filled in with a name that is here already"),
    ("${OTHER:-}: b", "1:1: '${OTHER:-}' is filled in with nothing, and a name must not be empty"),
]


class ExpandTests(SynchronousTestCase):
    """Texts and names, filled in."""

    def filled(self, text: str, environ: dict[str, str] = ENVIRON, file: str = "somewhere/f") -> Any:
        """The value of a document, filled in; its faults are in `self.faults`."""
        self.faults: list[Fault] = []
        return expand(parse(text, file), environ, self.faults).value

    def sentences(self) -> list[str]:
        """The faults, without the file's name."""
        return [str(fault).removeprefix("somewhere/f:") for fault in self.faults]

    def test_filled(self) -> None:
        """Each form gives what it says."""
        for text, value in FILLED:
            self.assertEqual((self.filled(text), self.sentences()), (value, []), text)

    def test_missing(self) -> None:
        """What is not there is named, with the line that uses it."""
        for text, fault in MISSING:
            self.filled(text)
            self.assertEqual(self.sentences(), [fault], text)

    def test_missing_is_broken(self) -> None:
        """Nobody complains a second time about a value that could not be filled in."""
        self.assertEqual(self.filled("a: ${OTHER}\nb: c"), {"a": BROKEN, "b": "c"})

    def test_file(self) -> None:
        """A file's content, without its last line end; the path is relative to the YAML file."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "token").write_text("se\ncret\r\n")
        self.assertEqual(self.filled("a: ${file:token}", file=str(directory / "f")), {"a": "se\ncret"})
        self.assertEqual(self.filled(f"a: ${{file:{directory.resolve()}/token}}"), {"a": "se\ncret"})

    def test_file_that_holds_no_secret(self) -> None:
        """An empty file, a directory and a binary file are named."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "empty").write_text("\n")
        (directory / "binary").write_bytes(b"\xff\xfe")
        self.filled("- ${file:empty}\n- ${file:.}\n- ${file:binary}", file=str(directory / "f"))
        ends = ["empty is empty", "cannot be read: Is a directory", "is not a file of UTF-8 text"]
        for fault, end in zip(self.faults, ends, strict=True):
            self.assertTrue(fault.message.endswith(end), fault.message)

    def test_credential(self) -> None:
        """A credential is a file in the directory that systemd names, and nowhere else."""
        directory = Path(self.mktemp())
        directory.mkdir()
        (directory / "token").write_text("secret\n")
        environ = {CREDENTIALS: str(directory)}
        self.assertEqual(self.filled("a: ${credential:token}", environ), {"a": "secret"})
        self.filled("a: ${credential:../token}", environ)
        self.assertEqual(len(self.faults), 1)

    def test_places_follow_the_names(self) -> None:
        """Below a name that was filled in, everything is where it was."""
        document = expand(parse("a:\n  ${NAME}:\n    c: d", "f"), ENVIRON, [])
        self.assertEqual(document.spot(("a", "value", "c")).at, (3, 8))
        self.assertEqual(document.spot(("a", "value")).name, "${NAME}")

    def test_sentences_show_what_was_written(self) -> None:
        """A sentence about a value that was filled in does not give it away."""
        part = Part(expand(parse("${NAME}:\n  a: ${NAME}", "f"), ENVIRON, []))["value"]["a"]
        part.wrong(f"is not good, not {part.written}")
        self.assertEqual([str(fault) for fault in part.faults], ["f:2:6: ${NAME}.a: is not good, not '${NAME}'"])

    @settings(deadline=None)
    @given(st.text(alphabet="${}:-aN\\"), st.dictionaries(st.sampled_from(["a", "N"]), st.text()))
    def test_any_text(self, text: str, environ: dict[str, str]) -> None:
        """No text makes anything but a value or a fault."""
        document = parse("x: y", "f")
        document.value["x"] = text
        expand(document, environ, [])

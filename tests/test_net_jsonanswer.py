"""What is read of a web service's JSON."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.net import jsonanswer

BODY = b'\xef\xbb\xbf{"a": {"b": [1.50, {"c": "x"}, null, true]}, "n": -0, "e": 12e2, "s": 1.5E-3, "h": "\\ud800"}'
VALUES = [
    ("a.b.0", "1.50"),
    ("a.b.1.c", "x"),
    ("a.b.2", None),
    ("a.b.3", "true"),
    ("a.b.4", None),
    ("a.b.x", None),
    ("a.b", None),
    ("a.b.0.c", None),
    ("n", "-0"),
    ("e", "1200"),
    ("s", "0.0015"),
    ("h", "?"),
    ("gone.far", None),
]
NO_JSON = (b"", b"nope", b"NaN", b'{"a": Infinity}', b"\xff", b"[" * 100_000, b"1e999", b"1E-999")


class AnswerTests(SynchronousTestCase):
    """voiced.net.jsonanswer."""

    def test_values(self) -> None:
        """Each by its path, numbers as people write them."""
        document = jsonanswer.read(BODY)
        for path, value in VALUES:
            self.assertEqual(jsonanswer.text(jsonanswer.at(document, path)), value, path)

    def test_no_json(self) -> None:
        """What is none, or holds what nobody can say, is refused, and quickly."""
        for body in NO_JSON:
            self.assertIn("not JSON", str(self.assertRaises(ValueError, jsonanswer.read, body)))

    @given(st.binary(), st.text())
    def test_anything(self, body: bytes, path: str) -> None:
        """Whatever comes, there is a text, nothing, or a ValueError."""
        try:
            found = jsonanswer.text(jsonanswer.at(jsonanswer.read(body), path))
        except ValueError:
            return
        self.assertIsInstance(found, str | None)

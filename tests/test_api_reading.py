"""Bodies are read strictly: what is right is read, all else is BadWish with a path, and nothing else is raised."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.api.messages import OutboundCall
from voiced.api.reading import from_form, from_json, read, spread
from voiced.errors import BadWish

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
NAMES = st.sampled_from([field.encode_name for field in msgspec.structs.fields(OutboundCall)]) | st.text()


class JsonTests(SynchronousTestCase):
    """from_json."""

    def test_good(self) -> None:
        """An object, with whitespace, escapes and every kind of value."""
        body = b' {"a": [1, -2.5e3, true, null], "\\u00e9": "\\ud83d\\ude00 \xc3\xa9"}\n'
        self.assertEqual(from_json(body), {"a": [1, -2500.0, True, None], "é": "😀 é"})

    def test_bad(self) -> None:
        """Everything that is not quite JSON, or not an object."""
        for body, word in (
            (b"", "not JSON"),
            (b"{", "not JSON"),
            (b"{'a': 1}", "not JSON"),
            (b'{"a": 1,}', "not JSON"),
            (b'{"a": 1} x', "not JSON"),
            (b'{"a": 01}', "not JSON"),
            (b'{"a": "\n"}', "not JSON"),
            (b"\xef\xbb\xbf{}", "not JSON"),
            (b"[]", "object"),
            (b'"x"', "object"),
            (b"null", "object"),
            (b'{"a": NaN}', "NaN"),
            (b'{"a": -Infinity}', "Infinity"),
            (b'{"a": 1e999}', "too large"),
            (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
            (b'{"a": 1, "a": 2}', "twice"),
            (b'{"variables": {"a": "1", "\\u0061": "2"}}', "twice"),
            (b'{"a": "\xff"}', "UTF-8"),
            (b'{"a": "\xed\xa0\x80"}', "UTF-8"),
            (b'{"a": "\\ud800"}', "half a character"),
            (b'{"\\udfff": 1}', "half a character"),
            (b'{"\\udfff": 1, "\\udfff": 1}', "half a character"),
            (b'{"a": [["\\udfff"]]}', "half a character"),
            (b'{"a": ' * 60_000, "nested"),
            (b"[" * 60_000, "nested"),
            (b'{"a": [[[[[1]]]]]}', "nested"),
        ):
            with self.subTest(body=body[:40]):
                self.assertIn(word, str(self.assertRaises(BadWish, from_json, body)))

    @given(st.binary())
    def test_noise(self, body: bytes) -> None:
        """Noise is refused, and never more than that; what is JSON by chance is read as JSON."""
        try:
            fields = from_json(body)
        except BadWish:
            return
        self.assertEqual(fields, json.loads(body))

    @given(st.dictionaries(NAMES, VALUES))
    def test_anything(self, fields: dict[str, Any]) -> None:
        """Whatever JSON says, the answer is a good message or BadWish; a good one says what was sent."""
        try:
            message = read(from_json(json.dumps(fields).encode()), OutboundCall)
        except BadWish as wrong:
            wrong.path.encode()
            return
        sent = {name: value for name, value in fields.items() if value is not None}
        kept = msgspec.to_builtins(message)
        self.assertEqual({name: kept[name] for name in sent}, sent)


class FormTests(SynchronousTestCase):
    """from_form and spread."""

    def test_good(self) -> None:
        """Percent and plus, empty values, an empty form."""
        self.assertEqual(from_form(b"a=%2B1+2&b=&c=%C3%A9=x"), {"a": "+1 2", "b": "", "c": "é=x"})
        self.assertEqual(from_form(b""), {})

    def test_spread(self) -> None:
        """Variables are gathered, numbers read, empty fields left out; an empty variable is one."""
        form = {"variables.a": "", "variables.b.c": "1", "timeout": "30", "prompt": "", "flow": "30"}
        expected = {"variables": {"a": "", "b.c": "1"}, "timeout": 30, "flow": "30"}
        self.assertEqual(spread(form, ("timeout",)), expected)

    def test_numbers(self) -> None:
        """What is no number stays what it is, and is refused as such."""
        for text in ("3.0", "1e3", "0x10", "٣", " 3", "+3", "1_0", "9" * 16):
            fields = spread({"number": "1", "timeout": text}, ("timeout",))
            self.assertEqual(self.assertRaises(BadWish, read, fields, OutboundCall).path, "timeout")

    @given(st.binary())
    def test_noise(self, body: bytes) -> None:
        """Noise is a form or is refused."""
        try:
            read(spread(from_form(body), ()), OutboundCall)
        except BadWish as wrong:
            self.assertTrue(str(wrong))

    @given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8"))))
    def test_round(self, fields: dict[str, str]) -> None:
        """Every form that a client encodes is read as it was meant."""
        self.assertEqual(from_form(urlencode(fields).encode()), fields)

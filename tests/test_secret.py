"""Secret gives its text to `reveal` and to nothing else."""

import copy
import json
import pickle

import attrs
import msgspec
from twisted.trial.unittest import SynchronousTestCase

from voiced.secret import Secret


class Key(msgspec.Struct, frozen=True):
    key: Secret


@attrs.frozen
class Account:
    token: Secret


class SecretTests(SynchronousTestCase):
    secret = Secret("sk_hunter2")

    def test_shows_nothing(self):
        """Neither repr, str, format nor what holds it shows the text."""
        shown = f"{self.secret!r} {self.secret} {Key(self.secret)} {Account(self.secret)} {[self.secret]}"
        self.assertNotIn("hunter2", shown)
        self.assertEqual(str(self.secret), "•••")

    def test_reveals(self):
        """The text is there for whoever asks for it by name."""
        self.assertEqual(self.secret.reveal(), "sk_hunter2")

    def test_equality(self):
        """Two secrets are equal as their texts are, and a text is no secret."""
        self.assertEqual(self.secret, Secret("sk_hunter2"))
        self.assertEqual(hash(self.secret), hash(Secret("sk_hunter2")))
        self.assertNotEqual(self.secret, Secret("sk_hunter3"))
        self.assertNotEqual(self.secret, "sk_hunter2")
        self.assertNotEqual(Secret("é"), Secret("e"))

    def test_empty_is_false(self):
        """An empty one is false, so that a missing key is seen."""
        self.assertFalse(Secret(""))
        self.assertTrue(self.secret)

    def test_is_not_written_out(self):
        """It does not pickle, and no encoder knows what to do with it."""
        self.assertRaises(TypeError, pickle.dumps, self.secret)
        self.assertRaises(TypeError, json.dumps, self.secret)
        self.assertRaises(TypeError, msgspec.json.encode, Key(self.secret))
        self.assertFalse(hasattr(self.secret, "__dict__"))

    def test_copies_as_itself(self):
        """Copying what holds it is allowed: nothing leaves the process."""
        self.assertIs(copy.deepcopy([self.secret])[0], self.secret)
        self.assertIs(copy.copy(self.secret), self.secret)

    def test_decodes(self):
        """Settings decode a text into it with one hook."""
        key = msgspec.convert({"key": "k" * 9}, Key, dec_hook=lambda type_, text: type_(text))
        self.assertEqual(key.key.reveal(), "k" * 9)

"""Which key a caller means."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from voiced.call.keywords import key_for, plainly

WORDS = {"1": ["yes", "confirm", "that's right"], "2": ["cancel", "no", "not right"], "3": ["Störung"]}


class KeywordTests(SynchronousTestCase):
    """Phrases in what was said."""

    def test_plainly(self) -> None:
        """Neither case nor punctuation matters."""
        self.assertEqual(plainly(" Yes, that\u2019s RIGHT! "), "yes thats right")
        self.assertEqual(plainly("?!"), "")

    def test_key(self) -> None:
        """Whole words, the longest phrase first; a word within another is none."""
        for said, key in [
            ("Yes.", "1"),
            ("Well, yes please", "1"),
            ("That\u2019s right.", "1"),
            ("That's not right", "2"),
            ("no, I want to confirm", "1"),
            ("I know", ""),
            ("yesterday", ""),
            ("STÖRUNG!", "3"),
            ("", ""),
        ]:
            self.assertEqual(key_for(said, WORDS), key, said)

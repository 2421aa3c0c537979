"""Sentences: what a model writes piece by piece, cut into what can be spoken piece by piece."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.agents.talking.sentences import Sentences, split

WHOLE = [
    ("We are open. Come in!", ["We are open.", "Come in!"]),
    ("Really? Yes… Well.", ["Really?", "Yes…", "Well."]),
    ("It costs 3.50 a day.", ["It costs 3.50 a day."]),
    ("Dr. Smith is in St. Ives at 9 a.m. today.", ["Dr. Smith is in St. Ives at 9 a.m. today."]),
    ("Ask J. Smith. He knows.", ["Ask J. Smith.", "He knows."]),
    ('She said "no." Then she left.', ['She said "no."', "Then she left."]),
    ("One\nTwo", ["One", "Two"]),
    ("", []),
    (" ... \n!", []),
    ("**Rooms**:\n- a *double* room\n- a single", ["Rooms:", "a double room", "a single"]),
    ("no end", ["no end"]),
]
CLAUSES = [
    ("Of course I can, just give me a moment.", ["Of course I can,", "just give me a moment."]),
    ("Yes, I can do that for you.", ["Yes, I can do that for you."]),
    ("Yes, I can do that, just give me a moment.", ["Yes, I can do that,", "just give me a moment."]),
    ("We are open today — until nine o'clock. Good, better, and the best.",
     ["We are open today —", "until nine o'clock.", "Good, better, and the best."]),
    ("It is twelve thousand, five hundred.", ["It is twelve thousand, five hundred."]),
    ("We are closed. On some days, alas, for ever.", ["We are closed.", "On some days, alas, for ever."]),
]  # fmt: skip


class SentencesTests(SynchronousTestCase):
    def test_whole(self):
        """Sentences end where they end, and abbreviations, figures and Markdown do not fool anybody."""
        for text, sentences in WHOLE:
            self.assertEqual(split(text), sentences)

    def test_first_clause(self):
        """The first sentence begins with a clause of its own, when both parts are long enough; no other does."""
        for text, expected in CLAUSES:
            sentences = Sentences()
            self.assertEqual(sentences.feed(text + " ") + sentences.end(), expected)

    def test_as_it_comes(self):
        """A sentence is there as soon as it is sure that it has ended."""
        sentences = Sentences()
        self.assertEqual(sentences.feed("It is 3."), [])
        self.assertEqual(sentences.feed("5 today"), [])
        self.assertEqual(sentences.feed(". And"), ["It is 3.5 today."])
        self.assertEqual((sentences.end(), sentences.end()), (["And"], []))

    @given(st.lists(st.text("ab. ,\n!-*—", max_size=6)))
    def test_in_any_pieces(self, pieces):
        """No letter is lost, doubled or moved, however the text comes."""
        sentences = Sentences()
        spoken = [sentence for piece in pieces for sentence in sentences.feed(piece)] + sentences.end()
        letters = [each for each in "".join(pieces) if each.isalnum()]
        self.assertEqual([each for each in "".join(spoken) if each.isalnum()], letters)

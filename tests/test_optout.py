"""Which words opt somebody out, however they are written down."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.optout import OptOut

STOP = OptOut(words=("stop calling", "Don't call", "Löschen Sie mich!"))


class WordsTests(SynchronousTestCase):
    def test_said(self):
        """Case and punctuation do not matter, nor how an apostrophe or an umlaut is written."""
        for text in (
            "stop calling",
            "Well: STOP, calling!",
            "please dont call me",
            "DON\u2019T CALL",
            "Bitte lo\u0308schen sie mich",
        ):
            self.assertTrue(STOP.said_in(text), text)

    def test_not_said(self):
        """Other words, parts of words and words apart are not it."""
        for text in ("", "stop", "calling stop", "nonstop calling", "stop callings", "stop ever calling", "..."):
            self.assertFalse(STOP.said_in(text), text)

    @given(st.text())
    def test_any_text(self, text):
        """Any text may be heard; without words nothing is it."""
        self.assertFalse(OptOut("9").said_in(text))
        self.assertFalse(OptOut(words=("",)).said_in(text))
        STOP.said_in(text)

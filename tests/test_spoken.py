"""How facts are said, and words that a voice would say wrongly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.pronunciation import Pronunciation
from voiced.call.spoken import LANGUAGE, check_format, language, spoken

SPOKEN = [
    ("4155", "digits", "", "en", "4 1 5 5"),
    ("+1 415-555", "digits", "", "en", "1, 4 1 5, 5 5 5"),
    ("AB12", "digits", "", "de", "A B 1 2"),
    ("1234567.5", "number", "", "en", "1,234,567.5"),
    ("1234567.5", "number", "", "de", "1.234.567,5"),
    ("many", "number", "", "en", "many"),
    ("1e999999", "number", "", "en", "1e999999"),
    ("12.50", "money", "EUR", "en", "12.50 euros"),
    ("12.50", "money", "EUR", "de", "12,50 Euro"),
    ("1", "money", "USD", "en", "1.00 US dollar"),
    ("12.50 GBP", "money", "EUR", "en", "12.50 British pounds"),
    ("usd 3", "money", "", "en", "3.00 US dollars"),
    ("1200", "money", "", "en", "1,200"),
    ("a lot", "money", "EUR", "en", "a lot"),
    ("5 QQQ", "money", "", "en", "5 QQQ"),
    ("2026-11-24", "date", "", "en", "Tuesday, November 24"),
    ("2026-11-24", "date", "", "de", "Dienstag, 24. November"),
    ("2026-11-24T15:30:00+01:00", "date", "", "en-GB", "Tuesday 24 November"),
    ("tomorrow", "date", "", "en", "tomorrow"),
    ("2026-11-24", "date", "", "fr", "mardi 24 novembre"),
    ("2026-11-24", "date", "", "ja", "11月24日(火曜日)"),
    ("2026-11-24", "date", "", "pl", "wtorek, 24 listopada"),
    ("15:30", "time", "", "en", "3:30 PM"),
    ("15:30", "time", "", "de", "15:30"),
    ("2026-11-24T15:30:00+01:00", "time", "", "en", "3:30 PM"),
    ("soon", "time", "", "en", "soon"),
    ("7", "number", "", "", "7"),
]

REFUSED = [
    ("loud", "", "there is no format 'loud': there are digits, number, money, date, time"),
    ("money", "QQQ", "'QQQ' is no currency: write its code, like EUR or USD"),
    ("date", "long", "the format 'date' takes nothing behind it, not 'long'"),
]

PRONOUNCED = [
    ({}, "SQL", "SQL"),
    ({"SQL": "sequel"}, "SQL, MySQL and SQLs: SQL.", "sequel, MySQL and SQLs: sequel."),
    ({"St": "Saint", "St John": "Sinjun"}, "St John and St Mary", "Sinjun and Saint Mary"),
    ({"C++": "see plus plus"}, "C++ is fun", "see plus plus is fun"),
    ({"a": "b", "b": "a"}, "a b", "b a"),
]


class SpokenTests(SynchronousTestCase):
    """voiced.call.spoken."""

    def test_spoken(self) -> None:
        """Each fact in each format; what a format does not know is said as it is."""
        for value, name, argument, tag, text in SPOKEN:
            self.assertEqual(spoken(value, name, argument, tag).replace("\u00a0", " "), text, (value, name, tag))

    @given(st.text(), st.sampled_from(["digits", "number", "money", "date", "time"]))
    def test_anything(self, value: str, name: str) -> None:
        """Whatever a caller has said, something is said of it."""
        self.assertIsInstance(spoken(value, name, "", "de"), str)

    def test_formats(self) -> None:
        """A format that there is not, or that takes no such word, is refused with a sentence."""
        for name, argument, sentence in REFUSED:
            error = self.assertRaises(ValueError, check_format, name, argument)
            self.assertEqual(str(error), sentence)
        check_format("money", "EUR")
        check_format("money", "")

    def test_language(self) -> None:
        """A tag is known to be a language's, or refused."""
        self.assertEqual([language(tag) for tag in ("en", "pt-br", "zh-Hant")], ["en", "pt-BR", "zh-Hant"])
        self.assertEqual(LANGUAGE, language("en"))
        for tag in ("", "xx", "english", "e", "en_US", "1"):
            error = self.assertRaises(ValueError, language, tag)
            self.assertIn("is no language: write its tag, like en, de or pt-BR", str(error), tag)


class PronunciationTests(SynchronousTestCase):
    """voiced.call.pronunciation."""

    def test_words(self) -> None:
        """Whole words only, the longest first, each once."""
        for words, text, said in PRONOUNCED:
            self.assertEqual(Pronunciation(words).of(text), said)

"""Telephone numbers and codes are written out for a voice; what voices read well is left alone."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.speech.spelling import spell_out

SPELLED = {
    "+1 415 555 0123": "plus one, four one five, five five five, zero one two three",
    "+442079460958": "plus four four two zero, seven nine four six, zero nine five eight",
    "+44 (0)20 7946 0958": "plus four four, zero, two zero, seven nine four six, zero nine five eight",
    "1-800-555-0199": "one, eight zero zero, five five five, zero one nine nine",
    "(415) 555-0100": "four one five, five five five, zero one zero zero",
    "415.555.0100": "four one five, five five five, zero one zero zero",
    "555-0100": "five five five, zero one zero zero",
    "020 7946 0958": "zero two zero, seven nine four six, zero nine five eight",
    "4111 1111 1111 1111": "four one one one, one one one one, one one one one, one one one one",
    "AB12-34": "A, B, one two, three four",
    "BA2490": "B A, two four nine zero",
    "X7K9": "X, seven, K, nine",
    "48213": "four eight two one three",
    "5550123": "five five five, zero one two three",
    "12345678": "one two three four, five six seven eight",
    "123456789": "one two three, four five six, seven eight nine",
    "007": "zero zero seven",
    "0042": "zero zero four two",
    "your PIN is 4821": "your PIN is four eight two one",
    "extension 204": "extension two zero four",
    "the code x7k9": "the code X, seven, K, nine",
    "ending in 4242.": "ending in four two four two.",
}
LEFT_ALONE = """
$1,234.56
$48213
€ 48213
48213 dollars
1,234,567 people
48213 people
1000000
2024
in the 1990s
1990S
9:30
09:30
00:15:30
10AM-5PM
5pm
01/02/2024
2024-05-01
01-02-2024
1st, 2nd, 21st and 10000th
3.14159
0.5
12345.67
50%
48213%
192.168.100.100
COVID-19
MP3, 4K, 5G, B2B
500MB
Press 1, 2 or 3.
enter the code 3 times
We are open from 9 to 17.
Good morning, Ann.
NATO
""".strip().splitlines()


class SpellOutTests(SynchronousTestCase):
    def test_spelled(self):
        """Numbers to be dialled and codes to be written down are said digit by digit, in groups."""
        for text, spelled in SPELLED.items():
            self.assertEqual(spell_out(text), spelled)

    def test_left_alone(self):
        """Prices, years, times, dates, ordinals and quantities stay as they are."""
        for text in LEFT_ALONE:
            self.assertEqual(spell_out(text), text)

    def test_in_a_sentence(self):
        """What stands around it stays, and its punctuation too."""
        self.assertEqual(
            spell_out("Call 555-0100 (or 555-0123), not 911: it costs $10."),
            "Call five five five, zero one zero zero (or five five five, zero one two three), not 911: it costs $10.",
        )

    @given(st.text(st.sampled_from("0123456789 +-.,:()ABab$"), max_size=60))
    def test_spells_no_spelling(self, text):
        """Any text can be spelled, and what is spelled stays as it is."""
        spelled = spell_out(text)
        self.assertEqual(spell_out(spelled), spelled)

    def test_long_texts(self):
        """No text takes longer than its length warrants."""
        for text in ("1" * 50_000, "1-" * 50_000, "A1-" * 50_000, "+1 " * 50_000, "0 " * 50_000, "(" * 50_000):
            spell_out(text)

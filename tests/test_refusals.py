"""What Twilio's error codes mean: every one that may come is known, and says what to do."""

from __future__ import annotations

import json
import unittest
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.twilio.refusals import LATER, MEANINGS, OURS, THEIRS, meaning

DICTIONARY = Path(__file__).parents[2] / "shared/specs/twilio_error_codes.voice.2023-05.json"
"""Twilio's own dictionary of errors, as it was then."""

OF_TEXTS = (
    *(21266, 21408, *range(21602, 21605), 21606, 21608, *range(21610, 21613), 21614, 21617, 21635),
    *(*range(21659, 21662), 30034),
)
EXPECTED = (
    *(10004, 11100, 11200, 11205, 11206, 11210, 11215, 11220, 11235, 11237, 11750),
    *(12100, 12200, 12300, 13214, *range(13223, 13228), 13521, 15003),
    *(20003, 20404, 20429, 21205, *range(21210, 21220), 21220, 21262, 22001),
    *OF_TEXTS,
    *(31404, 31480, 31486, *range(31900, 31905), 31910, *range(31920, 31925), 31930, 31931),
    *(*range(31940, 31943), 31950, 31951, 31960, 32014, 32018),
)
"""The errors that voiced has to expect of calls, texts, webhooks and media streams (twilio.com/docs/api/errors)."""

LATER_THAN_THE_DICTIONARY = dict.fromkeys(OF_TEXTS, "the dictionary is that of voice: twilio.com/docs/api/errors")
"""Codes that the dictionary does not have, and why we know them."""

ANSWERS = {
    THEIRS: (
        *(13223, 13224, 13225, 13226, 21201, 21211, 21214, 21216, 21217, 31404, 31480, 31486),
        *(21266, 21602, 21604, 21610, 21612, 21614, 21617, 21635),
    ),
    LATER: (10004, 20429, 21611, 31960),
    409: (21220,),
    504: (22001,),
}
"""HTTP status for the API client -> codes; every other code is OURS."""

NO_ALARM = (20429, 21220, 22001, 31921)
"""Codes that are not of THEIRS, and yet nothing that the operator could mend: load, a race, somebody who was not
there, and a stream that we have closed ourselves (Twilio notes 31921 then, too)."""

UNKNOWN = [
    (0, 429, LATER, False),
    (29999, 429, LATER, False),
    (0, 401, OURS, True),
    (0, 403, OURS, True),
    (29999, 401, OURS, True),
    (29999, 400, THEIRS, False),
    (0, 404, OURS, True),
    (29999, 404, OURS, True),
    (29999, 499, THEIRS, False),
    (0, 400, OURS, False),
    (29999, 500, OURS, False),
    (0, 500, OURS, False),
    (0, 503, OURS, False),
    (29999, 399, OURS, False),
    (0, 0, OURS, False),
]
"""Code (0: none), HTTP status, what is answered, whether it is an alarm."""


class KnownTests(SynchronousTestCase):
    """The codes that we expect."""

    def test_all(self) -> None:
        """Each has a meaning of its own, whatever status it comes with."""
        self.assertEqual([code for code in EXPECTED if code not in MEANINGS], [])
        for code in EXPECTED:
            for status in (0, 200, 400, 401, 429, 500):
                self.assertIs(meaning(code, status), MEANINGS[code], code)

    def test_answers(self) -> None:
        """What an API client is answered for each: their number, later, or ours to mend."""
        expected = dict.fromkeys(MEANINGS, OURS) | {
            code: answer for answer, codes in ANSWERS.items() for code in codes
        }
        self.assertEqual({code: each.answer for code, each in MEANINGS.items()}, expected)

    def test_those_of_the_manual(self) -> None:
        """21211 is a client's 400 that says so; 20003 and 21215 are a 502, and the operator is told what to check."""
        self.assertEqual((meaning(21211, 400).answer, meaning(21211, 400).alarm), (400, False))
        self.assertIn("not a number", meaning(21211, 400).sentence)
        for code, status, todo in [(20003, 401, "auth_token"), (21215, 400, "Geo permissions")]:
            self.assertEqual((meaning(code, status).answer, meaning(code, status).alarm), (502, True))
            self.assertIn(todo, meaning(code, status).sentence)

    def test_alarms(self) -> None:
        """The operator hears of all that is theirs to mend, and never of what a client has asked wrongly."""
        silent = {code for code, each in MEANINGS.items() if not each.alarm}
        self.assertEqual(silent, {*ANSWERS[THEIRS], *NO_ALARM})

    def test_dictionary(self) -> None:
        """Each code is in Twilio's own dictionary, or we say why not; each is an error or a warning there."""
        if not DICTIONARY.exists():
            raise unittest.SkipTest(f"{DICTIONARY} is absent")
        levels = {entry["code"]: entry["log_level"] for entry in json.loads(DICTIONARY.read_text("utf-8"))}
        unknown = {code for code in MEANINGS if code not in levels}
        self.assertEqual(unknown, set(LATER_THAN_THE_DICTIONARY))
        self.assertEqual({levels[code] for code in MEANINGS if code in levels}, {"ERROR", "WARNING"})


class UnknownTests(SynchronousTestCase):
    """What we do not know."""

    def test_by_status(self) -> None:
        """The HTTP status has to do, and a code of Twilio's points to its page."""
        for code, status, answer, alarm in UNKNOWN:
            means = meaning(code, status)
            self.assertEqual((means.answer, means.alarm), (answer, alarm), (code, status))
            points = f"https://www.twilio.com/docs/api/errors/{code}" in means.sentence
            self.assertEqual(points, answer == THEIRS, (code, status))

    def test_not_found(self) -> None:
        """A 404 without a code that we know is one of an address that Twilio does not have: it says what to check."""
        for code in (0, 29999):
            self.assertIs(meaning(code, 404), MEANINGS[20404], code)
        self.assertIn("base_url", MEANINGS[20404].sentence)
        self.assertIs(meaning(21211, 404), MEANINGS[21211])

    @given(st.integers(), st.integers())
    def test_anything(self, code: int, status: int) -> None:
        """Whatever comes, an API client gets an answer that HTTP has, and a sentence."""
        means = meaning(code, status)
        self.assertIn(means.answer, (THEIRS, 409, OURS, LATER, 504))
        self.assertGreater(len(means.sentence), 10)


class SentenceTests(SynchronousTestCase):
    """What is said."""

    def test_no_number_no_secret(self) -> None:
        """The only digits are limits of Twilio's; no address, SID or sign of a number stands in a sentence."""
        limits = {"64", "4000"}
        for code, each in MEANINGS.items():
            digits = "".join(c if c.isdigit() else " " for c in each.sentence).split()
            self.assertEqual(set(digits) - limits, set(), code)
            self.assertNotRegex(each.sentence, r"\+|@|://|\bAC\b|\bCA\b|[{}%]")

    def test_form(self) -> None:
        """One line that goes on after a colon: it begins small or with a name, and has no full stop."""
        for code, each in MEANINGS.items():
            self.assertRegex(each.sentence, r"\A([a-z]|Twilio|TLS|TwiML)[^\n]*[^.\s]\Z", code)

    def test_distinct(self) -> None:
        """Two codes never say the same: the operator shall know which it was."""
        self.assertEqual(len({each.sentence for each in MEANINGS.values()}), len(MEANINGS))

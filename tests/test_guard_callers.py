"""Callers without a number, and numbers nobody vouches for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.guard.callers import anonymous, attested

NAMELESS = [
    "",
    "anonymous",
    "Anonymous",
    "Restricted",
    "unknown",
    "unavailable",
    "PRIVATE",
    "+266696687",  # ANONYMOUS
    "+7378742833",  # RESTRICTED
    "+2562533",  # BLOCKED
    "+8656696",  # UNKNOWN
    "+86282452253",  # UNAVAILABLE
    "sip:anonymous@anonymous.invalid",
    "sips:Anonymous@x.example;user=phone",
    "sip:+266696687@x.example",
    "client:anonymous",
    "tel:anonymous",
    "tel:+266696687",
    "sip:266696687@x.example;user=phone",
    "sip:00266696687@x.example",
    "sip:@x.example",
]
NAMED = ["+14155552671", "+17378742833", "+8613812345678", "sip:ann@x.example", "client:ann", "+15550123"]

VERDICTS = [
    ("TN-Validation-Passed-A", "ABC"),
    ("TN-Validation-Passed-B", "BC"),
    ("TN-Validation-Passed-C", "C"),
    ("TN-Validation-Passed-A-Diverted", "ABC"),
    ("TN-Validation-Passed-B-Passthrough", "BC"),
    ("TN-Validation-Failed-A", ""),
    ("TN-Validation-Failed-C-Diverted", ""),
    ("TN-Validation-Failed", ""),
    ("No-TN-Validation", ""),
    ("NULL", ""),
    ("", ""),
    ("TN-Validation-Passed-D", ""),
    ("xTN-Validation-Passed-A", ""),
    ("TN-Validation-Passed-A\n", ""),
]
"""A verdict, and the least levels that it satisfies."""


class CallerTests(SynchronousTestCase):
    """What the carrier says of a caller."""

    def test_anonymous(self) -> None:
        """No number, a word for it, or that word as a keypad spells it."""
        self.assertEqual([caller for caller in NAMELESS if not anonymous(caller)], [])

    def test_named(self) -> None:
        """Everybody else; also who has a real number that looks like a word with the country before it."""
        self.assertEqual([caller for caller in NAMED if anonymous(caller)], [])

    def test_attested(self) -> None:
        """Only a verified signature vouches, and for no more than it says."""
        for verdict, levels in VERDICTS:
            self.assertEqual("".join(least for least in "ABC" if attested(verdict, least)), levels, verdict)

    @given(st.text(), st.text())
    def test_any_text(self, caller: str, verdict: str) -> None:
        """Whatever comes is a caller, and no verdict unless it begins as one."""
        self.assertIn(anonymous(caller), (True, False))
        self.assertLessEqual(attested(verdict, "C"), verdict.startswith("TN-Validation-Passed-"))

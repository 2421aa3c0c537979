"""What Twilio writes in more than one way, as the one thing that it means."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.twilio import loose


class LooseTests(SynchronousTestCase):
    """Numbers and addresses, and what is neither."""

    def test_numbers(self) -> None:
        """A number is one, however it is written; what is none is 0."""
        for written, number in ((11200, 11200), ("11200", 11200), (None, 0), ("", 0), ("x", 0), ([], 0), (1e999, 0)):
            self.assertEqual(loose.number(written), number, written)

    def test_addresses(self) -> None:
        """What may hold somebody's number is cut off."""
        for url, address in (
            ("https://a.test/call?From=%2B1415#ct=2000", "https://a.test/call"),
            ("https://a.test/call#rc=5?x", "https://a.test/call"),
            (None, ""),
            (7, ""),
        ):
            self.assertEqual(loose.address(url), address, url)

    @given(st.none() | st.booleans() | st.floats() | st.text() | st.lists(st.integers()))
    def test_anything(self, written: object) -> None:
        """Nothing that JSON can say breaks it."""
        self.assertIsInstance(loose.number(written), int)
        self.assertNotIn("?", loose.address(written))

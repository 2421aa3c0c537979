"""API keys: whose they are, and that they are nowhere to be read."""

from __future__ import annotations

import gc

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.guard.keys import ApiKeys
from voiced.iguard import Party

CRM, WEB = Party("crm", frozenset({"outreach"}), 10, 500), Party("web")


class KeyTests(SynchronousTestCase):
    """Whose key it is."""

    keys = ApiKeys([("a-key-of-the-crm-0123456789", CRM), ("a-key-of-the-web-0123456789", WEB)])

    def test_whose(self) -> None:
        """Each key is somebody's, to the last character."""
        self.assertEqual(self.keys.party_of("a-key-of-the-crm-0123456789"), CRM)
        self.assertEqual(self.keys.party_of("a-key-of-the-web-0123456789"), WEB)
        self.assertEqual((len(self.keys), self.keys.parties), (2, (CRM, WEB)))

    def test_nobodys(self) -> None:
        """Nothing else is, and without keys nothing at all."""
        for shown in (
            "",
            "a-key-of-the-crm-012345678",
            "a-key-of-the-crm-0123456789 ",
            "A-KEY-OF-THE-CRM-0123456789",
        ):
            self.assertIsNone(self.keys.party_of(shown), shown)
        self.assertIsNone(ApiKeys().party_of(""))

    @given(st.text(st.characters(codec=None)))
    def test_any_text(self, shown: str) -> None:
        """Whatever is shown is nobody's key, and no error."""
        self.assertIsNone(self.keys.party_of(shown))

    def test_hashed(self) -> None:
        """The object holds no key, only what cannot be turned back."""
        text = "another-key-0123456789"
        keys = ApiKeys([(text, CRM)])
        held = [referent for each in gc.get_referents(keys) for referent in (each, *gc.get_referents(each))]
        self.assertNotIn(text, held)
        self.assertNotIn(text, repr(vars(keys)))

    def test_all_are_compared(self) -> None:
        """The first key takes as many comparisons as the last one, and as a wrong one."""
        compared = []

        def compare(one: bytes, other: bytes) -> bool:
            compared.append(one)
            return one == other

        keys = ApiKeys([("first", CRM), ("second", WEB)], compare)
        self.assertEqual([keys.party_of(shown) for shown in ("first", "second", "wrong")], [CRM, WEB, None])
        self.assertEqual(len(compared), 6)

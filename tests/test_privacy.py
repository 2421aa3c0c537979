"""Privacy: how much of a number may be written down."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.privacy import Privacy

MASKED = [
    ("", ""),
    ("anonymous", "anonymous"),
    ("unknown", "unknown"),
    ("911", "911"),
    ("1234", "1234"),
    ("12345", "12•45"),
    ("+14155550123", "+14•••••••23"),
    ("+1 (415) 555-0123", "+1 (4••) •••-••23"),
    ("+266696687", "+26•••••87"),
    ("whatsapp:+14155550123", "whatsapp:+14•••••••23"),
    ("client:ann", "client:a•••"),
    ("client:", "client:•••"),
    ("sip:ann@example.com;user=phone;tel=+14155550123", "sip:a•••@example.com"),
    ("sip:ann@example.com", "sip:a•••@example.com"),
    ("sip:ann@example.com:5060", "sip:a•••@example.com:5060"),
    ("sip:+14155550123@10.0.0.1:5060", "sip:+•••@10.0.0.1:5060"),
    ("sip:14155550123@example.com", "sip:1•••@example.com"),
    ("sip:14155550123", "sip:14•••••••23"),
]


class PrivacyTests(SynchronousTestCase):
    def test_masked(self):
        """A number keeps its first and last two digits, an address its first letter and its host."""
        for party, shown in MASKED:
            self.assertEqual(Privacy.MASKED.party(party), shown)

    def test_open(self):
        """Open shows what there is."""
        for party, _ in MASKED:
            self.assertEqual(Privacy.OPEN.party(party), party)

    def test_strict(self):
        """Strict shows that there was somebody."""
        for party, _ in MASKED:
            self.assertEqual(Privacy.STRICT.party(party), "withheld" if party else "")

    def test_keys(self):
        """Only strict hides the keys of a menu."""
        keys = {privacy: privacy.key("7") for privacy in Privacy}
        self.assertEqual(keys, {Privacy.OPEN: "7", Privacy.MASKED: "7", Privacy.STRICT: "•"})

    @given(st.text("0123456789", min_size=7, max_size=20), st.sampled_from(["", "+", "sip:", "client:", "tel:+"]))
    def test_no_number_comes_through(self, digits, scheme):
        """Of a number, whatever its form, no more than four digits are ever shown."""
        for host in ("", "@example.com", "@example.com:x"):
            shown = Privacy.MASKED.party(scheme + digits + (host if scheme == "sip:" else ""))
            self.assertLessEqual(sum(character.isdigit() for character in shown), 4)

    @given(st.text())
    def test_any_party(self, party):
        """Anything a carrier may say of a party can be written."""
        for privacy in Privacy:
            self.assertIsInstance(privacy.party(party), str)

    def test_facts(self):
        """What a flow writes down is its own, but for what is private, and for the caller's number."""
        for privacy, shown in (
            (Privacy.OPEN, "call +14155550100"),
            (Privacy.MASKED, "call +14•••••••00"),
            (Privacy.STRICT, "withheld"),
        ):
            self.assertEqual(privacy.fact("call +14155550100", private=False, party="+14155550100"), shown)
            self.assertEqual(privacy.fact("4711", private=True, party=""), "withheld")
            self.assertEqual(privacy.fact("", private=True, party=""), "")
        self.assertEqual(Privacy.MASKED.fact("yes", private=False, party=""), "yes")

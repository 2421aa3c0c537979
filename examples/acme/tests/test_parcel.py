"""Which digits are a parcel number."""

from acme_voiced.parcel import is_parcel_number
from twisted.trial.unittest import SynchronousTestCase


class ParcelNumberTests(SynchronousTestCase):
    """The check digit."""

    def test_right(self) -> None:
        """The example of the Universal Postal Union, and the two remainders that have a digit of their own."""
        for number in ("473124829", "000000005", "000000080"):
            self.assertTrue(is_parcel_number(number), number)

    def test_slips(self) -> None:
        """Any single digit that is mistyped is noticed, and any two neighbours in the wrong order."""
        right = "473124829"
        for at in range(9):
            others = [right[:at] + digit + right[at + 1 :] for digit in "0123456789" if digit != right[at]]
            swapped = right[:at] + right[at : at + 2][::-1] + right[at + 2 :]
            for wrong in others + [swapped] * (swapped != right):
                self.assertFalse(is_parcel_number(wrong), wrong)

    def test_no_digits(self) -> None:
        """What is not nine digits is no number, whatever else it is."""
        for wrong in ("", "47312482", "4731248290", "RN4731248", "47312482x", "٤٧٣١٢٤٨٢٩"):
            self.assertFalse(is_parcel_number(wrong), wrong)

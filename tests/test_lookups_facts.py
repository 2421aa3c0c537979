"""What a flow is told of the values that a lookup finds, and which names it can read them by."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.template import Template
from voiced.lookups.facts import is_name, name_of, text_of


class TextTests(SynchronousTestCase):
    """Values as texts."""

    def test_texts(self) -> None:
        """As people write them; what is no text is nothing."""
        key = "12345678-1234-5678-1234-567812345678"
        table: list[tuple[Any, str | None]] = [
            ("Ann", "Ann"),
            ("", ""),
            (True, "true"),
            (False, "false"),
            (7, "7"),
            (12.5, "12.5"),
            (3.0, "3"),
            (-0.0, "0"),
            (1e21, "1000000000000000000000"),
            (0.1, "0.1"),
            (Decimal("12.50"), "12.50"),
            (Decimal("1E+3"), "1000"),
            (Decimal("-0.00"), "0.00"),
            (date(2026, 11, 3), "2026-11-03"),
            (datetime(2026, 11, 3, 9, 5, 7, 89), "2026-11-03 09:05:07"),  # noqa: DTZ001
            (datetime(2026, 11, 3, 9, 5, tzinfo=UTC), "2026-11-03 09:05:00+00:00"),
            (time(9, 5), "09:05:00"),
            (timedelta(minutes=1.5), "90"),
            (UUID(key), key),
            ("é".encode(), "é"),
            (bytearray(b"x"), "x"),
            (memoryview(b"x"), "x"),
            *((nothing, None) for nothing in (None, [], {}, b"\xff", b"a\0b", float("nan"), float("inf"), object())),
            (Decimal("NaN"), None),
        ]
        for value, text in table:
            self.assertEqual(text_of(value), text, value)


class NameTests(SynchronousTestCase):
    """Names of facts."""

    def test_names(self) -> None:
        """Letters, digits and `_`; headings become such where they can."""
        for heading, name, good in (
            ("name", "name", True),
            (" Customer  name ", "Customer_name", True),
            ("e-mail", "e_mail", True),
            ("straße", "straße", True),
            ("2nd", "2nd", False),
            ("", "", False),
            ("count(*)", "count(*)", False),
            ("Größe", "Größe", True),
            ("äpfel", "äpfel", False),
        ):
            self.assertEqual((name_of(heading), is_name(name_of(heading))), (name, good), heading)

    @given(st.text())
    def test_readable(self, name: str) -> None:
        """What is a name, a flow can read."""
        if is_name(name):
            self.assertEqual(Template.parse(f"{{party.{name}}}").facts, (f"party.{name}",))

"""The pretended account that calls come from, and the names that the program under test is told."""

ACCOUNT = "AC" + "0" * 32
TOKEN = "a-token"  # noqa: S105 - it opens nothing
PUBLIC = "bench.voiced.test"
LENGTHY = "lengthy"
"""The voice that speaks for longer than a call is watched."""

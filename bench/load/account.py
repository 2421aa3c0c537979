"""The pretended account that calls come from, and the public name that the program under test is told."""

ACCOUNT = "AC" + "0" * 32
TOKEN = "a-token"  # noqa: S105 - it opens nothing
PUBLIC = "bench.voiced.test"

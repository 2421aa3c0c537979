"""How calls are placed, as voiced.yaml has it."""

from __future__ import annotations

from voiced.call.wish import Ways
from voiced.settings.daemon import Settings


def ways(settings: Settings) -> Ways:
    """From the accounts' own numbers, and from others of ours that `numbers:` has."""
    numbers = {account.number: account.name for account in settings.accounts if account.number}
    first = settings.accounts[0].name
    for number in settings.numbers:
        if number.startswith("+") and not number.endswith("*"):
            numbers.setdefault(number, first)
    rules = settings.outbound
    return Ways(rules.flow, rules.timeout, rules.max_seconds, numbers)

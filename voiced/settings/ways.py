"""How calls are placed, as voiced.yaml has it."""

from __future__ import annotations

from collections.abc import Sequence

from voiced.call.wish import Ways
from voiced.settings.daemon import Settings
from voiced.twilio.webhook import Account


def ways(settings: Settings, accounts: Sequence[Account]) -> Ways:
    """From the numbers of these accounts, and from others of ours that `numbers:` has."""
    numbers = {account.number: account.name for account in accounts if account.number}
    first = accounts[0].name
    for number in settings.numbers:
        if number.startswith("+") and not number.endswith("*"):
            numbers.setdefault(number, first)
    rules = settings.outbound
    return Ways(rules.flow, rules.timeout, rules.max_seconds, numbers)

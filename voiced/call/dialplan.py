"""Which flow answers which number."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

DEFAULT = "default"


@attrs.frozen
class DialPlan:
    """The `numbers:` of voiced.yaml: exact numbers and addresses, prefixes that end in `*`, and `default`."""

    numbers: Mapping[str, str]

    def flow_for(self, called: str) -> str | None:
        """The flow's name: the exact entry, else the longest prefix, else the default, else None."""
        if called != DEFAULT and called in self.numbers:
            return self.numbers[called]
        prefixes = [n for n in self.numbers if n.endswith("*") and called.startswith(n[:-1])]
        return self.numbers[max(prefixes, key=len)] if prefixes else self.numbers.get(DEFAULT)

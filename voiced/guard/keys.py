"""The API keys: who asks, told from what they show."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping

from voiced.iguard import Party


class ApiKeys:
    """Which party has which key. The keys themselves are not in memory, only their SHA-256.

    (A key has at least 20 characters that nobody chose to remember: a slow hash would protect it no better, and would
    have to be computed for every request.)
    """

    def __init__(
        self,
        keys: Iterable[tuple[str, Party]] = (),
        compare: Callable[[bytes, bytes], bool] = hmac.compare_digest,
    ) -> None:
        self._compare = compare
        self._parties: Mapping[bytes, Party] = {_hash(key): party for key, party in keys}

    def __len__(self) -> int:
        return len(self._parties)

    @property
    def parties(self) -> tuple[Party, ...]:
        """Everybody who has a key."""
        return tuple(self._parties.values())

    def party_of(self, bearer: str) -> Party | None:
        """Who shows this key; None when it is nobody's. Takes as long for a wrong key as for any right one."""
        shown = _hash(bearer)
        found = None
        for kept, party in self._parties.items():  # all of them, always: which one it is takes no shorter
            if self._compare(kept, shown):
                found = party
        return found


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()

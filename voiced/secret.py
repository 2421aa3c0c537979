"""Secret: a text that is used and never shown: an API key, a token, a password."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn, final

_SHOWN = "•••"


@final
class Secret:
    """Holds a text that no repr, log line, error, copy to disk or equality test gives away.

    `reveal()` is the only way to the text; call it where the text goes on the wire, and keep no reference to it.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return _SHOWN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # Constant time: how long a wrong guess takes must not tell how much of it was right.
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __bool__(self) -> bool:
        return bool(self._text)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _: Any) -> Secret:
        return self

    def __reduce_ex__(self, _: Any) -> NoReturn:
        raise TypeError("a Secret is never written out: give the other side its own")

"""Answers: when a realtime model has to be asked to go on, after tools were used for it.

A tool's result alone makes no model speak: it must be asked (`response.create`), once for all the results that it
waits for; and only when it is not speaking anyway, which would be an error, nor the caller, whom it will answer by
itself.
"""

from __future__ import annotations


class Answers:
    """What goes on in one conversation, as far as it matters for that."""

    def __init__(self) -> None:
        self.active: str | None = None
        """The response that is being made."""
        self._caller_speaks = False
        self._used: set[str] = set()
        """Tool calls whose results we do not have."""
        self._sent: set[str] = set()
        """Those whose results the model may not have."""
        self._owed = False
        """Whether the model has results that it was not asked to answer."""

    def tool_called(self, call: str) -> None:
        """The model waits for this result."""
        self._used.add(call)

    def result_sent(self, call: str, answer: bool) -> bool:
        """Its result is sent; whether to ask for the answer now. `answer`: whether there shall be one."""
        self._used.discard(call)
        self._sent.add(call)
        self._owed = self._owed or answer
        return self._ask()

    def result_received(self, call: str) -> None:
        """The model has that result."""
        self._sent.discard(call)

    def caller_speaks(self) -> None:
        """The caller has begun to speak; the next response is the model's answer to that."""
        self._caller_speaks = True

    def begun(self, response: str) -> None:
        """The model makes a response; it answers all results that it has."""
        self.active = response
        self._caller_speaks = False
        if not self._sent:
            self._owed = False

    def done(self, answered_later: bool) -> bool:
        """The response is made; whether to ask for another now. `answered_later`: the caller has interrupted it."""
        self.active = None
        if answered_later:
            self._owed = False
        return self._ask()

    def _ask(self) -> bool:
        if not self._owed or self.active is not None or self._used or self._caller_speaks:
            return False
        self._owed = False
        return True

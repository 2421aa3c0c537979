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
        self._knowing = False
        """Whether the response that is being made, or was last, answers all results that were sent before it."""
        self._leaving = False

    def tool_called(self, call: str) -> None:
        """The model waits for this result."""
        self._used.add(call)

    def result_sent(self, call: str, answer: bool) -> bool:
        """Its result is sent; whether to ask for the answer now. Without `answer`, no more is asked of the model."""
        self._used.discard(call)
        self._sent.add(call)
        self._owed = True
        self._leaving = self._leaving or not answer
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
        self._knowing = not self._sent
        if self._knowing:
            self._owed = False

    def refused(self) -> None:
        """We have asked while a response was being made already: it is asked again, if that one knows too little."""
        self._owed = self._owed or not self._knowing

    def done(self, answered_later: bool) -> bool:
        """The response is made; whether to ask for another now. `answered_later`: the caller has interrupted it."""
        self.active = None
        if answered_later:
            self._owed = False
        return self._ask()

    def _ask(self) -> bool:
        waits = self.active is not None or self._used or self._caller_speaks
        if self._leaving or waits or not self._owed:
            return False
        self._owed = False
        return True

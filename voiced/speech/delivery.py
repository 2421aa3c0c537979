"""Delivery: runs a synthesis that is written as a coroutine, so that even what it delivers to may cancel it.

Twisted cannot cancel a coroutine while it runs (26.10: an assertion fails and the coroutine goes on), only while it
awaits. But a listener may well stop a voice *because* of a piece of audio, inside `deliver`. Engines that call
`deliver` from a coroutine start it here.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from voiced.ivoiced import Deliver

Speak = Callable[[Deliver], Coroutine[Deferred[Any], Any, None]]


def delivering(speak: Speak, deliver: Deliver) -> Deferred[None]:
    """Start `speak(deliver)`; fires or fails as it does, and when cancelled, nothing is delivered any more.

    Cancelled while it awaits, the coroutine finds CancelledError there; cancelled while it delivers, it finds it
    coming out of `deliver`.
    """
    stopped = False

    def gate(audio: bytes) -> None:
        if not stopped:
            deliver(audio)
        if stopped:
            raise CancelledError

    def stop(_: Deferred[None]) -> None:
        nonlocal stopped
        stopped = True
        if not coroutine.cr_running:
            running.cancel()

    def end(result: Failure | None) -> None:
        if not stopped:
            done.callback(result)

    done: Deferred[None] = Deferred(stop)
    coroutine: Any = speak(gate)
    running: Deferred[None] = Deferred.fromCoroutine(coroutine)
    running.addBoth(end)
    return done

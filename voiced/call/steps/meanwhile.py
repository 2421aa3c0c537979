"""What the caller hears while somebody is asked: a sentence to its end, or a ringing until the answer is there."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from voiced.call.steps.waiting import LOOK, Music
from voiced.call.template import Template
from voiced.call.tones import RINGING
from voiced.errors import CallOver, VoicedError
from voiced.ivoiced import ICall

T = TypeVar("T")

log = Logger()


async def bridged(
    call: ICall, asking: Deferred[T], filler: Template | None, voice: str | None = None, *, ringing: bool = False
) -> T:
    """What `asking` fires with; where it has not fired at once, the caller hears something until then.

    Cancelling cancels `asking`. A sentence that cannot be spoken is logged, and nobody is asked the less for it.
    """
    try:
        if filler is not None and not asking.called:
            await _fill(call, filler, voice)
        if ringing and not asking.called:
            return await _ring(call, asking)
        return await asking
    finally:
        asking.addErrback(lambda _: None)
        asking.cancel()  # where it has not answered, nobody waits for it any more


async def _fill(call: ICall, filler: Template, voice: str | None) -> None:
    try:
        await call.say(filler, voice, interruptible=False)
    except CallOver:
        raise
    except VoicedError as error:
        log.warn("{call}: the `filler` is not spoken: {error}", call=call.info.sid, error=str(error))


async def _ring(call: ICall, asking: Deferred[T]) -> T:
    """Ring until it has fired."""
    music = Music(call, RINGING)
    music.go_on()
    going_on = LoopingCall(music.go_on)
    going_on.clock = call.clock
    going_on.start(LOOK, now=False)
    try:
        return await asking
    finally:
        going_on.stop()
        music.hush()

"""`python -m bench.doubles`: first audio, forwarded bytes, marks and agents; daemon and doubles in one process."""

from __future__ import annotations

import bisect
import os
import platform
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import LoopingCall, react

from bench.agents import with_an_agent
from bench.house import NUMBER, BenchHouse
from bench.table import row
from voiced.simulator.carrier import Carrier, SimulatedCall
from voiced.twilio.media import CallSocket

ONE_BY_ONE = 30
AT_ONCE = 50
LOOKS_EVERY = 0.0171
"""Seconds between two looks at what the daemon believes to be heard; no multiple of a frame."""


def first_audio(call: SimulatedCall) -> float:
    """Milliseconds from the stream's `start` to the first audio at the carrier."""
    when = {what: next(entry.time for entry in call.sheet if entry.what == what) for what in ("stream", "audio")}
    return (when["audio"] - when["stream"]) * 1000


async def ring(carrier: Carrier, count: int = 1) -> list[SimulatedCall]:
    """So many calls at once, to their ends."""
    calls = [carrier.ring(NUMBER) for _ in range(count)]
    await gatherResults([call.ended for call in calls])
    return calls


async def from_cache(reactor: Any) -> None:
    """A prompt that is in the cache."""
    house = BenchHouse(reactor, "A short prompt.", pieces=4)
    carrier = await house.open()
    await ring(carrier)
    row("first audio from the cache, one call", [first_audio((await ring(carrier))[0]) for _ in range(ONE_BY_ONE)])
    calls = await ring(carrier, AT_ONCE)
    row(f"first audio from the cache, {AT_ONCE} calls begin together", [first_audio(call) for call in calls])
    await house.close()


async def from_vendor(reactor: Any) -> None:
    """A text that the vendor speaks while it is forwarded; the vendor's own time is not in the figures."""
    house = BenchHouse(reactor, "Hello {call.caller}.")
    carrier = await house.open()
    written: list[float] = []
    forwarded: list[float] = []
    send = CallSocket.send_audio

    def timed(socket: CallSocket, audio: bytes, mark: str = "") -> None:
        forwarded.append(reactor.seconds())
        send(socket, audio, mark)

    CallSocket.send_audio = timed  # type: ignore[method-assign]
    house.vendor.sent = lambda: written.append(reactor.seconds())
    calls = [(await ring(carrier))[0] for _ in range(ONE_BY_ONE // 3)]
    CallSocket.send_audio = send  # type: ignore[method-assign]
    waits = [(forwarded[bisect.bisect(forwarded, moment)] - moment) * 1000 for moment in written]
    row("a vendor's piece, from its write to our send", waits)
    row("first audio from a vendor that needs no time itself", [first_audio(call) for call in calls])
    await house.close()


async def marks(reactor: Any) -> None:
    """What the daemon believes to be heard, against what the carrier has played, all through some calls."""
    house = BenchHouse(reactor, "A longer prompt.", pieces=80)
    carrier = await house.open()
    await ring(carrier)
    errors: list[float] = []
    calls = [carrier.ring(NUMBER) for _ in range(10)]

    def look() -> None:
        for call in calls:
            session = house.building.daemon.switchboard.find(call.sid)
            if (
                session is not None
                and call.stream is not None
                and call.stream.player is not None
                and session.streaming
            ):
                believed, played = session._speaker.position(), call.stream.player.position
                errors.append(abs(believed - played) / 8)

    watching = LoopingCall(look)
    watching.start(LOOKS_EVERY)
    await gatherResults([call.ended for call in calls])
    watching.stop()
    row("what we believe is heard, against the carrier's clock", errors)
    await house.close()


async def bench(reactor: Any) -> None:
    """All of it."""
    processor = platform.processor() or platform.machine()
    print(f"{os.cpu_count()} cores ({processor}), Python {platform.python_version()}, "
          f"load {os.getloadavg()[0]:.2f} before; daemon and doubles in one process\n")  # fmt: skip
    print("| | n | median | 95 % | worst |\n|---|---|---|---|---|")
    await from_cache(reactor)
    await from_vendor(reactor)
    await marks(reactor)
    await with_an_agent(reactor)
    print(f"\nload {os.getloadavg()[0]:.2f} after")


if __name__ == "__main__":
    react(lambda reactor: Deferred.fromCoroutine(bench(reactor)), ())

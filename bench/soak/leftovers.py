"""What is still there when all is over: objects, timers, places, sockets, threads, files, memory."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import attrs

from bench.soak.clock import HeapClock
from bench.soak.premises import DAEMON, ELEVENLABS, OPENAI, SPARE, TWILIO, WEB, Premises

LONGEST_CHAIN = 8
"""How many referrers of one thing are told."""


@attrs.frozen
class Census:
    """What there was at a quiet moment."""

    objects: Counter[str]
    """Of our types (voiced.…), by their names."""
    others: Counter[str]
    """Of the libraries' types that belong to calls: Deferreds, protocols, transports."""
    memory: int
    """Resident bytes: what is in use, and the holes in it, which busy moments leave and later ones fill."""
    used: int | None
    """Bytes that are given out by the C library; None where it does not tell."""
    threads: int
    files: int
    """Open file descriptors."""


def take_census() -> Census:
    """Count, after collecting what is garbage."""
    gc.collect()
    gc.collect()
    ours: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for each in gc.get_objects():
        name = name_of(type(each))
        if name.startswith("voiced."):
            ours[name] += 1
        elif name.startswith(("twisted.", "autobahn.", "treq.", "sqlalchemy.")):
            others[name] += 1
    return Census(ours, others, resident(), used(), threading.active_count(), len(os.listdir("/proc/self/fd")))  # noqa: PTH208


def resident() -> int:
    """Resident memory of this process, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class _Mallinfo2(ctypes.Structure):
    """struct mallinfo2 (malloc.h)."""

    _fields_ = [
        *(
            (name, ctypes.c_size_t)
            for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks")
        ),
        *((name, ctypes.c_size_t) for name in ("uordblks", "fordblks", "keepcost")),
    ]


def used() -> int | None:
    """Bytes that the C library has given out and not got back. With PYTHONMALLOC=malloc that is all there is."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except (OSError, AttributeError):
        return None  # glibc has it since 2.33
    mallinfo2.restype = _Mallinfo2
    found = mallinfo2()
    return int(found.uordblks + found.hblkhd)


def name_of(kind: type) -> str:
    """voiced.call.session.CallSession"""
    return f"{kind.__module__}.{kind.__qualname__}"


def left(premises: Premises, clock: HeapClock) -> Iterator[str]:
    """What should not be there when all calls have ended and time has passed."""
    clock.tidy()
    for due in clock.getDelayedCalls():
        if "_updateLogDateTime" not in repr(due):
            yield f"a delayed call: {due!r:.300}"
    switchboard = premises.daemon.switchboard
    counts = {
        "calls in the switchboard": len(switchboard),
        "tickets": len(switchboard._tickets),
        "calls that we have placed, by reference": len(switchboard._placed),
        "places of the guard": len(premises.guard),
        "calls that a human has taken (rescue)": len(premises.daemon._rescue._legs),
        "sessions at ElevenLabs": sum(talk.closed is None for talk in premises.elevenlabs.conversations),
        "sessions at OpenAI": sum(talk.closed is None for talk in premises.openai.sessions),
        "calls at the carrier": premises.carrier.ledger.live,
    }
    for host in (DAEMON, TWILIO, ELEVENLABS, SPARE, OPENAI, *WEB):
        counts[f"connections to {host}"] = len(premises.network.connections(host))
    yield from (f"{count} {what}" for what, count in counts.items() if count)


def grown(before: Census, after: Census) -> dict[str, int]:
    """How many more there are of each of our types."""
    return {
        name: count - before.objects[name] for name, count in after.objects.items() if count > before.objects[name]
    }


def chain(name: str) -> list[str]:
    """Who holds the newest object of that type, and who holds that one, and so on to a module or a dead end."""
    found = next((each for each in reversed(gc.get_objects()) if name_of(type(each)) == name), None)
    told: list[str] = []
    seen: set[int] = set()
    while found is not None and len(told) < LONGEST_CHAIN:
        told.append(f"{name_of(type(found))}: {_short(found)}")
        seen.add(id(found))
        if isinstance(found, ModuleType):
            break
        found = _holder(found, seen)
    return told


def _holder(thing: Any, seen: set[int]) -> Any:
    mine = {id(frame) for frame in _frames()} | seen
    holders = [each for each in gc.get_referrers(thing) if id(each) not in mine and not isinstance(each, FrameType)]
    # One of ours tells most; a list that only iterates (ours, here) is no holder.
    holders.sort(key=lambda each: not name_of(type(each)).startswith("voiced."))
    return next((each for each in holders if type(each).__name__ != "list_reverseiterator"), None)


def _frames() -> Iterator[FrameType]:
    import sys

    frame: FrameType | None = sys._getframe()
    while frame is not None:
        yield frame
        frame = frame.f_back


def _short(thing: Any) -> str:
    try:
        return f"{thing!r:.120}".replace("\n", " ")
    except Exception as error:  # noqa: BLE001 - a repr may fail in any way
        return f"(its repr failed: {error!r:.60})"

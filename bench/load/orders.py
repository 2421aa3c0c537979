"""What the bench orders, and what the load generator answers: a line of JSON each."""

from __future__ import annotations

import msgspec


class Doubles(msgspec.Struct, frozen=True):
    """The first line: where the doubles listen, on 127.0.0.1."""

    http: int
    ws: int
    wss: int


class Aim(msgspec.Struct, frozen=True, tag=True):
    """The program under test: its port and its process; and whether agents are reached over TLS. Answered: Done."""

    port: int
    pid: int
    tls: bool


class Ring(msgspec.Struct, frozen=True, tag=True):
    """So many calls more, until each of them has an agent that answers. Answered: Rung."""

    calls: int
    called: str
    at_once: int = 8
    """How many are on their way at a time."""
    talk: bool = True
    """Whether they have agents; else each hears what is said."""


class Measure(msgspec.Struct, frozen=True, tag=True):
    """Watch what goes through the live calls for so long. Answered: Measured."""

    seconds: float


class FirstAudio(msgspec.Struct, frozen=True, tag=True):
    """Ring so many calls one after the other, and hang each up when it has heard something. Answered: Times."""

    calls: int
    called: str


class Interrupt(msgspec.Struct, frozen=True, tag=True):
    """Each live call's agent speaks ahead and is then interrupted, so many times. Answered: Times."""

    rounds: int


class Webhooks(msgspec.Struct, frozen=True, tag=True):
    """Signed `POST /call/incoming`, one after the other on each connection, for so long. Answered: Served."""

    called: str
    connections: int
    seconds: float


class Return(msgspec.Struct, frozen=True, tag=True):
    """From now on whoever's stream breaks asks `/call/after`, and comes back on another. Answered: Done."""


class AwaitReturn(msgspec.Struct, frozen=True, tag=True):
    """Wait until all are back that were live at `Return`, for so long at the most. Answered: Returned."""

    seconds: float


class HangUp(msgspec.Struct, frozen=True, tag=True):
    """Every live call ends. Answered: Done, when all sockets are gone."""


Order = Aim | Ring | Measure | FirstAudio | Interrupt | Webhooks | Return | AwaitReturn | HangUp


class Done(msgspec.Struct, frozen=True, tag=True):
    """It is."""


class Rung(msgspec.Struct, frozen=True, tag=True):
    """How many calls are live now, and why others are not (a sentence each, at most ten)."""

    live: int
    failed: int
    why: list[str]


class Measured(msgspec.Struct, frozen=True, tag=True):
    """What went through the program in a window of time. A frame is 20 ms of audio, however many a message holds."""

    calls: int
    seconds: float
    sent: int
    """Frames that callers sent in the window."""
    came_back: int
    """Frames that callers received in the window."""
    lost: int
    """Frames sent in the window that had not come back a second after its end."""
    cpu: float
    """Seconds of CPU that the program used in the window, all its threads together."""
    added: list[float]
    """Milliseconds from a frame's send to its return, both legs together: p50, p95, p99, most. Of frames that
    came to the agent together the youngest counts: the others have waited for it (grouping)."""
    grouped: list[float]
    """The same for the oldest frame of each message: with the wait for the group."""
    dead_air: float
    """Seconds: the longest time that a caller received nothing."""
    ended: int
    """Calls that ended in the window, though nobody hung up."""
    own_cpu: float
    """The load generator's own share of a core."""
    late: float
    """Milliseconds: p99 of how late the callers' frames were sent."""


class Times(msgspec.Struct, frozen=True, tag=True):
    """Milliseconds, one for each try that came to its end; and how many did not."""

    calls: int
    ms: list[float]
    failed: int
    own_cpu: float
    late: float


class Served(msgspec.Struct, frozen=True, tag=True):
    """Requests answered with a stream, and others; seconds that took; CPU seconds of the program."""

    good: int
    bad: int
    seconds: float
    cpu: float
    own_cpu: float


class Returned(msgspec.Struct, frozen=True, tag=True):
    """Who is back, and when: nanoseconds of the machine's monotonic clock, one for each that is."""

    calls: int
    """How many were to come back."""
    heard: list[int]
    """When the first audio came on the new stream; of calls with agents, the first that an agent has answered."""
    met: list[int]
    """When the program has begun a conversation with an agent again."""
    told: int
    """How many of these agents were told what was said before."""
    why: list[str]
    """Why others are not back, at most ten."""
    own_cpu: float


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The order could not be carried out."""

    why: str


Answer = Done | Rung | Measured | Times | Served | Returned | Failed

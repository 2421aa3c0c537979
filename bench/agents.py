"""An agent on the line: how soon it is there, heard and silenced, and how soon a fallback is spoken in its place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from bench.house import NUMBER, House
from bench.table import row
from voiced.simulator.carrier import SimulatedCall
from voiced.simulator.elevenlabs import AGENT_ID, API_KEY, Conversation, ElevenLabs

CONVERSATIONS = 30
INTERRUPTIONS = 10
"""In each conversation."""
SECONDS = b"\x10" * 8000 * 4
"""What the agent says: four seconds of sound."""

SETTINGS = f"""
voices: {{vendor: {{engine: elevenlabs, voice: 21m00Tcm4TlvDq8ikWAM, api_key: {API_KEY}, base_url: "%s"}}}}
agents: {{helper: {{agent: elevenlabs, agent_id: {AGENT_ID}, api_key: {API_KEY}, base_url: "%s"}}}}
"""
FLOW = """
flow: bench
start: start
nodes:
  start:
    - agent: {use: helper, fallback: "Nobody is here."}
"""


async def with_an_agent(reactor: Any) -> None:
    """All of it. The times are those at the doubles: what the daemon and two sockets on loopback take together."""
    vendor = ElevenLabs(reactor)
    house = House(reactor, SETTINGS, FLOW, vendor.resource)
    carrier = await house.open()
    ready: list[float] = []
    heard: list[float] = []
    silenced: list[float] = []
    for _ in range(CONVERSATIONS):
        meeting: Deferred[Conversation] = Deferred()
        vendor.on_conversation = meeting.callback
        call = carrier.ring(NUMBER)
        talk = await meeting
        await _until(reactor, lambda talk=talk: talk.initiation is not None)  # type: ignore[misc]
        record = next(iter(house.building.daemon.switchboard)).record.agents[0]
        await _until(reactor, lambda record=record: record.ready_ms is not None)  # type: ignore[misc]
        ready.append(record.ready_ms)
        for _ in range(INTERRUPTIONS):
            heard.append(await _reaches(reactor, call, "Media", partial(talk.says, "Hello.", audio=SECONDS)))
            silenced.append(await _reaches(reactor, call, "Clear", talk.interrupts))
        call.hang_up()
        await call.ended
    row("an agent is there: signed URL, socket, greeting of theirs (asked: 2000 ms)", ready)
    row("an agent's audio, from the vendor's write to the carrier", heard)
    row("a vendor's interruption, from its write to `clear` at the carrier (asked: 5 ms)", silenced)
    fallbacks = []
    for _ in range(CONVERSATIONS):
        vendor.signed_url.fail(401)
        call = carrier.ring(NUMBER)
        await call.ended
        audio = next(entry.time for entry in call.sheet if (entry.who, entry.what) == ("daemon", "audio"))
        stream = next(entry.time for entry in call.sheet if entry.what == "stream")
        fallbacks.append((audio - stream) * 1000)
    row("a refused agent: from the stream's start to the fallback's first sound, from the cache", fallbacks[1:])
    await house.close()


async def _reaches(reactor: Any, call: SimulatedCall, kind: str, act: Callable[[], object]) -> float:
    """Milliseconds from `act` until a message of that kind is at the carrier."""
    await deferLater(reactor, 0.03)
    received = call.streams[-1].received
    before, began = len(received), reactor.seconds()
    act()
    await _until(reactor, lambda: any(type(message).__name__ == kind for message in received[before:]))
    return float((reactor.seconds() - began) * 1000)


async def _until(reactor: Any, happened: Callable[[], bool]) -> None:
    """Look on each turn of the reactor, which slows it down: the figures are upper bounds."""
    while not happened():
        await deferLater(reactor, 0)

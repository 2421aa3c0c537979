"""The generator carries out the bench's orders."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from picows import WSError

from bench.load import orders
from bench.load.caller import Caller
from bench.load.carrier import PATIENCE, Carrier, Connection, NotAnswered
from bench.load.pacer import Pacer
from bench.load.tally import Tally, Usage
from bench.load.vendors import Vendors

GRACE = 1.0
"""Seconds after a window in which its frames may still come back."""
MOST_FAILED = 10
"""Calls that did not come about, after which no more are rung."""
BETWEEN = 0.01
"""Seconds between two calls, or two interruptions, whose times are taken."""
AHEAD_SECONDS = 0.05
"""How long an agent has spoken ahead when it is interrupted."""
TROUBLE = (NotAnswered, OSError, WSError, asyncio.IncompleteReadError, asyncio.TimeoutError, asyncio.CancelledError)


class Generator:
    """All calls to one program."""

    def __init__(self, vendors: Vendors) -> None:
        self._vendors = vendors
        self._pacer = Pacer()
        self._callers: list[Caller] = []
        self._obeys: dict[type, Callable[[Any], Awaitable[orders.Answer]]] = {
            orders.Aim: self._aim,
            orders.Ring: self._ring,
            orders.Measure: self._measure,
            orders.FirstAudio: self._first_audio,
            orders.Interrupt: self._interrupt,
            orders.Webhooks: self._webhooks,
            orders.Return: self._return,
            orders.AwaitReturn: self._await_return,
            orders.HangUp: self._hang_up,
        }

    async def obey(self, order: orders.Order) -> orders.Answer:
        """Do it."""
        return await self._obeys[type(order)](order)

    async def _aim(self, aim: orders.Aim) -> orders.Done:
        self._pid = aim.pid
        self._port = aim.port
        self._vendors.tls = aim.tls
        self._carrier = Carrier(aim.port)
        self._tally = Tally(aim.pid)
        return orders.Done()

    async def _ring(self, order: orders.Ring) -> orders.Rung:
        left = iter(range(order.calls))
        why: list[str] = []

        async def some() -> None:
            connection = Connection(self._port)
            for _ in left:
                if len(why) > MOST_FAILED:
                    break
                try:
                    await self._talk(connection, order)
                except TROUBLE as error:
                    why.append(f"{type(error).__name__}: {error}")
                    connection.close()
            connection.close()

        await asyncio.gather(*(some() for _ in range(min(order.at_once, order.calls))))
        return orders.Rung(len(self._reached()), len(why), why[:10])

    async def _talk(self, connection: Connection, order: orders.Ring) -> None:
        """One more call, until its agent answers, or it hears what is said."""
        await self._listens(await self._carrier.ring(connection, order.called, self._tally, order.talk))

    async def _listens(self, caller: Caller) -> None:
        self._callers.append(caller)
        self._pacer.add(caller)
        await asyncio.wait_for(caller.reached, PATIENCE)

    async def _return(self, order: orders.Return) -> orders.Done:
        self._lost: list[str] = []
        self._since = Usage.now(self._pid)
        self._returning = [asyncio.ensure_future(self._come_back(caller)) for caller in self._reached()]
        return orders.Done()

    async def _come_back(self, caller: Caller) -> None:
        await caller.gone
        if not caller.hung_up:
            try:
                await self._listens(await self._carrier.come_back(caller, self._tally))
            except TROUBLE as error:
                self._lost.append(f"{type(error).__name__}: {error}")

    async def _await_return(self, order: orders.AwaitReturn) -> orders.Returned:
        await asyncio.wait(self._returning, timeout=order.seconds)
        own = time.process_time() - self._since.own, (time.monotonic_ns() - self._since.at) / 1e9
        back = self._reached()
        agents = [agent for caller in back if (agent := self._vendors.agents.get(caller.number)) is not None]
        return orders.Returned(
            len(self._returning),
            [caller.reached.result() for caller in back],
            [agent.met for agent in agents],
            sum(agent.told for agent in agents),
            self._lost[:10],
            own[0] / own[1],
        )

    async def _measure(self, order: orders.Measure) -> orders.Measured:
        tally = self._watch()
        await asyncio.sleep(order.seconds)
        tally.close()
        await asyncio.sleep(GRACE)
        return tally.measured(len(self._live()))

    async def _first_audio(self, order: orders.FirstAudio) -> orders.Times:
        tally = self._watch()
        connection = Connection(self._port)
        times, live = [], len(self._live())
        for _ in range(order.calls):
            try:
                caller = await self._carrier.ring(connection, order.called, tally)
                times.append((await asyncio.wait_for(caller.first_audio, PATIENCE) - caller.started) / 1e6)
                await self._carrier.over(connection, caller)
            except TROUBLE:
                connection.close()
            await asyncio.sleep(BETWEEN)
        connection.close()
        return orders.Times(live, times, order.calls - len(times), tally.own_cpu(), tally.late.percentile(0.99))

    async def _interrupt(self, order: orders.Interrupt) -> orders.Times:
        tally = self._watch()
        callers = self._live()
        times: list[float] = []
        for _ in range(order.rounds):
            trying = []
            for caller in callers:
                trying.append(asyncio.ensure_future(self._interrupted(caller, times)))
                await asyncio.sleep(BETWEEN)
            await asyncio.gather(*trying)
        failed = order.rounds * len(callers) - len(times)
        return orders.Times(len(callers), times, failed, tally.own_cpu(), tally.late.percentile(0.99))

    async def _interrupted(self, caller: Caller, times: list[float]) -> None:
        agent = self._vendors.agents.get(caller.number)
        if agent is None:
            return
        agent.speak_ahead()
        await asyncio.sleep(AHEAD_SECONDS)
        caller.cleared = asyncio.get_running_loop().create_future()
        began = agent.interrupt()
        try:
            times.append((await asyncio.wait_for(caller.cleared, PATIENCE) - began) / 1e6)
        except TROUBLE:
            pass  # it is counted as failed: `times` lacks it

    async def _webhooks(self, order: orders.Webhooks) -> orders.Served:
        loop = asyncio.get_running_loop()
        before = Usage.now(self._pid)
        until = loop.time() + order.seconds
        good = bad = 0

        async def some() -> None:
            nonlocal good, bad
            connection = Connection(self._port)
            while loop.time() < until:
                status, answer = await connection.post("/call/incoming", self._carrier.form(order.called))
                if status == 200 and b"<Stream" in answer:
                    good += 1
                else:
                    bad += 1
            connection.close()

        await asyncio.gather(*(some() for _ in range(order.connections)))
        after = Usage.now(self._pid)
        seconds = (after.at - before.at) / 1e9
        return orders.Served(good, bad, seconds, after.program - before.program, (after.own - before.own) / seconds)

    async def _hang_up(self, order: orders.HangUp) -> orders.Done:
        callers, self._callers = self._callers, []
        left = iter(caller for caller in callers if not caller.gone.done())

        async def some() -> None:
            connection = Connection(self._port)
            for caller in left:
                try:
                    await self._carrier.over(connection, caller)
                except TROUBLE:
                    connection.close()
            connection.close()

        await asyncio.gather(*(some() for _ in range(8)))
        return orders.Done()

    def _live(self) -> list[Caller]:
        return [caller for caller in self._callers if caller.answered.done() and not caller.gone.done()]

    def _reached(self) -> list[Caller]:
        return [
            caller
            for caller in self._callers
            if caller.reached.done() and not caller.reached.cancelled() and not caller.gone.done()
        ]

    def _watch(self) -> Tally:
        self._tally = Tally(self._pid)
        for caller in self._callers:
            caller.tally = self._tally
        return self._tally

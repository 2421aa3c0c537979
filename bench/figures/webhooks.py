"""Webhooks: `POST /call/incoming` answered a second, by 8 connections, each with one request after the other.

Every request is signed and is a new call's. voiced checks the signature, finds the flow, asks the guard, and keeps a
ticket; the rivals check nothing and answer a constant: their figures say what the servers under them cost. **us** is
CPU of the program per request.
"""

from __future__ import annotations

from bench.figures.plan import Contest, Values, alternate
from bench.load import orders
from bench.programs import AGENT_NUMBER
from bench.results import Column, Result
from bench.stand import NotCounted, Stand

COLUMNS = [
    Column("rate", "webhooks/s", "{:.0f}"),
    Column("us", "us each", "{:.0f}"),
    Column("bad", "not answered so", "{:.0f}"),
    Column("own", "generator's core", "{:.0%}"),
]
CONNECTIONS = 8


def run(contest: Contest) -> Result:
    """One voiced (grouping has no part in it) and the rivals."""
    programs = [*contest.ours[:1], *(program for program in contest.programs if not program.ours)]
    seconds = contest.plan.webhook_seconds
    rows = alternate(contest, programs, ("ws",), lambda stand: answered(stand, seconds))
    return Result("webhooks", __doc__ or "", COLUMNS, list(rows))


def answered(stand: Stand, seconds: float) -> Values:
    """One window."""
    order = orders.Webhooks(AGENT_NUMBER, CONNECTIONS, seconds)
    found = stand.generator.obey(order, orders.Served)
    stand.must_keep_up(found.own_cpu)
    if not found.good:
        raise NotCounted(f"no webhook was answered with a stream, {found.bad} otherwise")
    return {
        "rate": found.good / found.seconds, "us": found.cpu / found.good * 1e6, "bad": float(found.bad),
        "own": found.own_cpu,
    }  # fmt: skip

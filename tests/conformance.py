"""The Autobahn conformance cases (PyPI `kosoku`), as a program of its own: `python -m tests.conformance …`.

server ws://127.0.0.1:PORT    the cases against that server; prints their results as one line of JSON
client                        prints the URL where a client under test finds the cases, then their results
"""

from __future__ import annotations

import asyncio
import json
import sys

from kosoku import FailureError, run_fuzzingclient, run_fuzzingserver

NOT_OURS = ["12.*", "13.*"]
"""Compression: the carrier offers none, and neither do we."""


async def results(mode: str, *url: str) -> list[dict[str, str]]:
    """Each case with its verdicts."""
    try:
        if mode == "server":
            cases = await run_fuzzingclient(url[0], exclude_cases=NOT_OURS, concurrency=8)
        else:
            async with run_fuzzingserver(exclude_cases=NOT_OURS, port=0) as server:
                sys.stdout.write(f"ws://{server.address}:{server.port}\n")
                sys.stdout.flush()
                cases = await server.get_result()
    except FailureError as failure:
        cases = failure.results
    return [
        {
            "case": case.case_id,
            "verdict": case.behavior.value,
            "closing": case.behavior_close.value,
            "why": f"{case.result} {case.result_close}",
        }
        for case in cases
    ]


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(results(*sys.argv[1:]))) + "\n")

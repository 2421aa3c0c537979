"""See bench.load."""

from __future__ import annotations

import asyncio
import gc
import sys
from typing import Any

import msgspec
import uvloop

from bench.load.generator import TROUBLE, Generator
from bench.load.orders import Answer, Failed, Order
from bench.load.vendors import Vendors


async def serve(certificate: str, key: str) -> None:
    """Obey, line by line, until there are no more."""
    asyncio.get_running_loop().set_exception_handler(_complain)
    vendors = Vendors(certificate, key)
    _write(await vendors.listen())
    generator = Generator(vendors)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        try:
            answer: Answer = await generator.obey(msgspec.json.decode(line, type=Order))  # type: ignore[arg-type]
        except TROUBLE as error:
            answer = Failed(f"{type(error).__name__}: {error}")
        _write(answer)


def _complain(loop: asyncio.AbstractEventLoop, what: dict[str, Any]) -> None:
    """A line: what goes wrong with one socket is counted with its call, and has no traceback worth reading."""
    message = str(what.get("message", "")).partition("\n")[0]
    print(f"load generator: {message} ({what.get('exception')!r})", file=sys.stderr, flush=True)


def _write(answer: object) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    gc.disable()  # a collection would be in the figures; what it makes has few cycles
    uvloop.run(serve(*sys.argv[1:3]))

"""Writes down what was said in a recording, by our own ears, when it is over and nobody waits for it."""

from __future__ import annotations

from collections.abc import Sequence

from twisted.logger import Logger

from voiced.call.filing import IRecordings
from voiced.errors import VoicedError
from voiced.ivoiced import IHearing

log = Logger()


async def write_down(
    call: str, file: str, pieces: Sequence[tuple[int, int]], recordings: IRecordings, hearing: IHearing
) -> None:
    """Recognise these pieces (from byte to byte), one after the other, so that live callers are heard in between.

    Each is a line of the text. What fails is logged, and there is no text then.
    """
    lines = []
    try:
        for start, stop in pieces:
            lines.append(await hearing.recognise(await recordings.read(file, start, stop)))
        await recordings.write_down(file, "".join(f"{line}\n" for line in lines if line))
    except VoicedError as error:
        log.warn("{call}: no transcript of {file}: {error}", call=call, file=file, error=str(error))

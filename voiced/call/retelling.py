"""A call's record in a few sentences, to be spoken to the operator. Nothing of the caller is in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from voiced.call.records import CallRecord

LONGEST = 300
"""Characters of what went wrong: more, nobody listens to."""


def retold(record: CallRecord) -> str:
    """When the call came, in which flow, how it ended, in which step, and what went wrong at last."""
    return " ".join(_sentences(record))


def _sentences(record: CallRecord) -> Iterator[str]:
    began = datetime.fromtimestamp(record.began, UTC).strftime("%H:%M")
    flow = f" in the flow {record.flow}" if record.flow else ""
    yield f"An {record.info.direction.value} call{flow} began at {began}, universal time."
    if record.ended is None or record.ending is None:
        yield "It is still live."
    else:
        yield f"It ended after {record.ended - record.began:.0f} seconds: {record.ending.value.replace('_', ' ')}."
    if record.steps:
        last = record.steps[-1]
        yield f"Its last step was {last.verb}, in the node {last.node}."
    if record.faults:
        yield f"What went wrong: {record.faults[-1][:LONGEST].rstrip('. ')}."

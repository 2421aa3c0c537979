"""What becomes of a <Connect><Stream>: the stream lives, and its status callback hears of it.

    stream-started, then stream-stopped; or stream-error

Source: twilio.com/docs/voice/twiml/stream.
"""

from __future__ import annotations

from datetime import UTC, datetime

from twisted.internet.defer import CancelledError

from voiced.simulator import twiml
from voiced.simulator.call import SimulatedCall
from voiced.simulator.sheet import Alert
from voiced.simulator.stream import MediaStream, StreamEnd, StreamOrder


async def connect(call: SimulatedCall, wanted: twiml.Stream, url: str) -> None:
    """Open a stream to that URL, and wait until it is over. Cancelling stops it."""
    url = "ws" + url[4:] if url.startswith("http") else url
    stream = call.open_stream(StreamOrder(url, call.sid, wanted.parameters, wanted.name))
    stream.on_begin = lambda: _tell(call, wanted, stream, "stream-started")
    call.note("twilio", "connects", url)
    stream.dial()
    try:
        await stream.when_ended()
    except CancelledError:  # and not `finally`: a call that is garbage sends nothing
        stream.stop()
        _tell_end(call, wanted, stream, stream.end)
        raise
    _tell_end(call, wanted, stream, stream.end)


def _tell_end(call: SimulatedCall, wanted: twiml.Stream, stream: MediaStream, end: StreamEnd | None) -> None:
    if end is not None and not end.opened and end.code != 1000:
        _tell(call, wanted, stream, "stream-error", StreamError=end.reason)
    elif end is not None and end.opened:
        _tell(call, wanted, stream, "stream-stopped")


def _tell(call: SimulatedCall, wanted: twiml.Stream, stream: MediaStream, event: str, **more: str) -> None:
    if wanted.status_callback is None:
        return
    if "://" not in wanted.status_callback:
        call.alert(Alert(11100, f"statusCallback={wanted.status_callback!r} is not an absolute URL"))
        return
    form = {
        "AccountSid": call.account.sid,
        "CallSid": call.sid,
        "StreamSid": stream.sid,
        "StreamName": wanted.name or stream.sid,
        "StreamEvent": event,
        "Timestamp": _iso(call.account.clock.seconds()),
    }
    call.courier.send(event, wanted.status_callback, {**form, **more})


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

"""What can go wrong, by name: every error of ours, each with the sentence an operator reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs


class VoicedError(Exception):
    """Something went wrong that voiced knows by name; a flow's `on_error` may answer it."""


@attrs.frozen(order=True)
class Fault:
    """One thing wrong in one place of one file, and what to do about it. Lines and columns count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"

    @property
    def warning(self) -> str:
        """The same, of what is worth a look and stops nothing."""
        return f"{self.file}:{self.line}:{self.column}: warning: {self.message}"


class ConfigError(VoicedError):
    """The settings or flows are wrong; every fault found is listed, with its file, line, column and fix."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(sorted(set(faults)))  # a file that two flows include is read twice
        super().__init__("\n".join(str(fault) for fault in self.faults))


class RemoteProtocolError(VoicedError):
    """The other side sent what its own documentation forbids; its stream is closed, nobody else notices.

    `close_code` is the WebSocket close code that says so (RFC 6455 §7.4).
    """

    def __init__(self, close_code: int, reason: str) -> None:
        self.close_code = close_code
        self.reason = reason
        super().__init__(f"{close_code}: {reason}")


class Forged(VoicedError):
    """A request that says it is from the carrier is not signed by it: answered 403, nothing is started."""


class UnknownTicket(VoicedError):
    """A media stream came without a good ticket; `reason` says what was wrong with it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the stream's ticket is not good: {reason}")


class SynthesisError(VoicedError):
    """A voice could not speak; `retry` says whether the same request may work a moment later.

    `kind` is for who counts: see IWatch.voice_failed.
    """

    def __init__(self, message: str, *, retry: bool = False, kind: str = "failed") -> None:
        self.retry = retry
        self.kind = kind
        super().__init__(message)


class AgentError(VoicedError):
    """A live agent could not take the line, or left it in disorder; `facts` is what is known of the conversation.

    `kind` is for who counts: see IWatch.agent_failed.
    """

    def __init__(self, message: str, facts: Mapping[str, str] | None = None, *, kind: str = "failed") -> None:
        self.facts = facts or {}
        self.kind = kind
        super().__init__(message)


class ToolFailed(VoicedError):
    """A tool could not do what an agent asked of it; the agent is told this sentence."""


class RecognitionFailed(VoicedError):
    """The ears of this machine broke on some audio; what was said in it is not known."""


class RecordingFailed(VoicedError):
    """Nothing can be recorded: the disk is full, or its directory cannot be written."""


class HttpFailed(VoicedError):
    """A web service that a flow asked gave no answer; the flow goes on without it."""


class LookupFailed(VoicedError):
    """A lookup gave no answer; the flow goes on without its facts."""


class CarrierError(VoicedError):
    """The carrier refused a request of ours, or did not answer; `code` is the carrier's own (0: none).

    `status` is the HTTP status of its answer (0: there was none), `unsure` says that what was asked for may have
    happened all the same: the request was sent, and no answer came. `answer` is the HTTP status for an API client
    who has asked for it: 400 when it is their request, 502 and 504 when it is the carrier or our account there.
    """

    def __init__(
        self, message: str, *, code: int = 0, status: int = 0, unsure: bool = False, answer: int = 502
    ) -> None:
        self.code = code
        self.status = status
        self.unsure = unsure
        self.answer = answer
        super().__init__(message)


class Refused(VoicedError):
    """The guard says no: `rule` is the rule's name in voiced.yaml, the message what it is about.

    `retry_after` is how many seconds later it may be otherwise (None: not by waiting). `say` is what an inbound
    caller is told, `flow` the flow that takes them instead, always with the `permit` (an IPermit) for it; where both
    are None, the daemon's `refusal` is spoken.
    """

    def __init__(
        self,
        rule: str,
        message: str,
        *,
        retry_after: float | None = None,
        say: str | None = None,
        flow: str | None = None,
        permit: Any = None,
    ) -> None:
        self.rule = rule
        self.permit = permit
        self.retry_after = retry_after
        self.say = say
        self.flow = flow
        super().__init__(message)


class BadWish(VoicedError):
    """A call that was asked for cannot be: `path` names the field that is wrong (`variables.name`)."""

    def __init__(self, path: str, message: str) -> None:
        self.path = path
        super().__init__(message)


class KeyReused(VoicedError):
    """An idempotency key that stands for another request already."""


class StoreError(VoicedError):
    """What must survive a restart cannot be written or read now: a full disk, a broken file."""


class Unreachable(VoicedError):
    """Another daemon of the data directory has the call that is asked about, and does not answer."""


class FlowError(VoicedError):
    """A flow cannot go on: it runs in a circle without a caller, or names what is not there."""


class Overloaded(VoicedError):
    """There is no room for another call, or the daemon is stopping; the caller is told so.

    `short` is what there is too little of: `calls`, `lag` or `memory`, as in `limits`; "" when the daemon stops.
    """

    def __init__(self, message: str, short: str = "") -> None:
        self.short = short
        super().__init__(message)


class CallOver(VoicedError):
    """The call has no line any more; a step that still wants to speak or listen ends here."""

    def __init__(self, *_: Any) -> None:
        super().__init__("the call is over")

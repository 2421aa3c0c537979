"""One simulated telephone call: what the human can do, and everything that can be seen of it afterwards."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.simulator.child import ChildCall
from voiced.simulator.courier import Courier
from voiced.simulator.detection import Detection, Verdict
from voiced.simulator.ending import SIP, STATUS, Ended
from voiced.simulator.handset import Handset
from voiced.simulator.number import Plan, Start, Watch
from voiced.simulator.progress import Progress
from voiced.simulator.twiml import Dial
from voiced.simulator.webhook import Webhooks

Going = Coroutine[Deferred[Any], Any, Ended]

_log = Logger()


@define(eq=False, kw_only=True)
class SimulatedCall(Handset):
    """A call. Times are seconds since it began unless said otherwise."""

    webhooks: Webhooks
    courier: Courier
    plan: Plan
    _walk: Callable[[SimulatedCall, Start], Going]
    _extra: Mapping[str, str] = field(factory=dict)
    sid: str = field(init=False)
    status: str = field(init=False)
    """Twilio's CallStatus."""
    ended: Deferred[Ended] = field(factory=Deferred)
    """Fires when Twilio says that the call is over."""
    twiml: list[str] = field(factory=list)
    """Every document the daemon answered."""
    said: list[str] = field(factory=list)
    """What <Say> spoke."""
    played: list[str] = field(factory=list)
    """What <Play> played."""
    tones: str = ""
    """The keys that the carrier has pressed for us: <Play digits>, SendDigits."""
    dialed: list[Dial] = field(factory=list)
    children: list[ChildCall] = field(factory=list)
    """The legs that <Dial> has made."""
    answered_by: str | None = None
    """Who has answered, where somebody wanted to know."""
    sip_code: int | None = None
    """SipResponseCode at the end, where it is not the usual one."""
    attempted_at: float | None = None
    """Clock time when it began to be connected: when it rang, or left the queue."""
    _progress: Progress = field(init=False)
    _road: Deferred[None] | None = None
    _timers: list[IDelayedCall] = field(factory=list)
    _limit: IDelayedCall | None = None

    def __attrs_post_init__(self) -> None:
        self.sid = self.account.new_sid("CA")
        self._progress = Progress(self.courier, self.plan.watch)
        self.status = "queued"
        if self.direction == "inbound":
            self.status, self.attempted_at = "ringing", self.rang_at
            self._record.caller("rings", f"{self.to} from {self.from_}")

    @property
    def to(self) -> str:
        return self.plan.to

    @property
    def from_(self) -> str:
        return self.plan.from_

    @property
    def direction(self) -> str:
        """inbound or outbound-api."""
        return self.plan.direction

    def hang_up(self) -> None:
        """The human hangs up: while it rings, who rings gives up, and who is rung declines."""
        if not self.over:
            self._record.caller("hangs up")
            if self.answered_at is None and self.direction != "inbound":
                self.end(Ended.DECLINED)
            else:
                self.end(Ended.CALLER, "completed" if self.answered_at is not None else "canceled")

    def form(self, **more: str) -> dict[str, str]:
        """The form of every webhook about this call."""
        country = {"FromCountry": "US", "ToCountry": "US", "CallerCountry": "US", "CalledCountry": "US"}
        return {
            "CallSid": self.sid,
            "AccountSid": self.account.sid,
            "From": self.from_,
            "To": self.to,
            "Caller": self.from_,
            "Called": self.to,
            "CallStatus": self.status,
            "ApiVersion": "2010-04-01",
            "Direction": self.direction,
            **country,
            **self._extra,
            **more,
        }

    def begin(self, start: Start) -> None:
        """Walk from there, leaving whatever was going on."""
        self.go(self._walk(self, start))

    def go(self, going: Going) -> None:
        """Do this from now on, whose end is the call's; it leaves whatever was going on."""
        self._leave()
        self._road = Deferred.fromCoroutine(going).addCallbacks(self.end, self._broke)

    def reach(self, status: str) -> None:
        """A call that is placed is `initiated`, then `ringing`."""
        if self.attempted_at is None:
            self.attempted_at = self.account.clock.seconds()
        self.status = status
        self.note("twilio", status, f"{self.to} from {self.from_}")
        self._tell()

    def answer(self) -> None:
        """The call is answered: it costs from now on."""
        if self.answered_at is None:
            self.answered_at = self.account.clock.seconds()
            self.status = "in-progress"
            if self.direction == "inbound":
                self.note("twilio", "answers")
            else:
                self._record.caller("answers")
            self.limit(self.plan.time_limit)
            self._tell()

    def limit(self, seconds: float | None) -> None:
        """It ends so many seconds after its answer; None: when it ends."""
        self.plan = evolve(self.plan, time_limit=seconds)
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        if self.answered_at is not None and seconds is not None:
            left = self.answered_at + seconds - self.account.clock.seconds()
            self._limit = self.account.clock.callLater(max(0.0, left), self.end, Ended.TIME_LIMIT)
            self._timers.append(self._limit)

    def watched_by(self, watch: Watch) -> None:
        """From now on tell these how it goes on."""
        self._progress.watch = watch

    def later(self, seconds: float, do: Callable[..., object], *about: object) -> None:
        """Do that then, unless the call is over by then."""
        self._timers.append(self.account.clock.callLater(seconds, do, *about))

    def detected(self, detection: Detection, verdict: Verdict) -> None:
        """It is known who has answered; whoever asked is told."""
        self.answered_by = verdict.answered_by
        self.note("twilio", "detects", f"{verdict.answered_by} after {verdict.seconds:.1f} s")
        if detection.watch is not None:
            form = {"CallSid": self.sid, "AccountSid": self.account.sid, **verdict.form()}
            self.courier.send("answered-by", detection.watch.url, form, detection.watch.method)

    def end(self, why: Ended, status: str = "") -> None:
        """The call is over; once. Every end has its usual CallStatus."""
        if self.over:
            return
        untried = self.attempted_at is None
        self.status = status or STATUS.get(why, "completed")
        self.ended_at = self.account.clock.seconds()
        for timer in self._timers:
            if timer.active():
                timer.cancel()
        self._leave()
        self.note("twilio", "ended", why)
        if not untried:  # what is cancelled in the queue is told to nobody
            self._tell()
        self.ended.callback(why)

    def _tell(self) -> None:
        more: dict[str, str] = {}
        if self.ended_at is not None:
            seconds = int(self.ended_at - self.answered_at) if self.answered_at is not None else 0
            more = {"CallDuration": str(seconds), "Duration": str(-(-seconds // 60))}
            if self.direction != "inbound":
                more["SipResponseCode"] = str(self.sip_code or SIP[self.status])
        self._progress.tell(self.status, self.account.clock.seconds(), self.form, **more)

    def _leave(self) -> None:
        road, self._road = self._road, None
        if road is not None:
            road.cancel()
        self.quiet()

    def _broke(self, failure: Failure) -> None:
        if failure.check(CancelledError) is None:
            _log.failure("the simulated call broke", failure)
            self.end(Ended.ERROR, "failed")

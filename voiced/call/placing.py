"""Places calls: what is asked for is checked, guarded, remembered by its key, and asked of the carrier once."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping

import attrs
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from voiced.call.dialplan import plain
from voiced.call.flow import Flow, OnMachine
from voiced.call.ordered import Ordered
from voiced.call.program import Program
from voiced.call.records import CallInfo, Direction, Ending, Stage
from voiced.call.session import CallSession
from voiced.call.switchboard import Switchboard
from voiced.errors import BadWish, CarrierError, KeyReused, Refused, StoreError, VoicedError
from voiced.ivoiced import CallOrder, ICarrier, IGuard, IPlacedCalls, Party, Placed

LOOK_AFTER = 3.0
"""Seconds after which the carrier is asked again for a call whose `create` got no answer: its list may lag."""
CERTAIN_AFTER = 90.0
"""Seconds after which a call that the carrier does not list was certainly not placed."""
ASKING = 30.0
"""Seconds within which the carrier begins a call that it was asked for: what it lists from later is another one."""
MOST_LOOKS = 10
"""How often the carrier is asked about a call that it tells us nothing of; then we take it for lost, and end it."""

_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_DETECTION = {
    None: "",
    OnMachine.HANGUP: "enable",
    OnMachine.CONTINUE: "enable",
    OnMachine.LEAVE_MESSAGE: "message_end",
}
"""Whether the carrier has to find out who answers, for what a flow does then."""

log = Logger()


@attrs.frozen
class Wish:
    """A call that somebody wants. What is None is as the settings have it."""

    number: str
    """Whom to call: E.164, as people write it."""
    flow: str | None = None
    prompt: str | None = attrs.field(default=None, repr=False)
    """Verbatim, for the first agent that the flow comes to."""
    first_message: str | None = attrs.field(default=None, repr=False)
    variables: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    """Facts for the flow: `{variables.name}`."""
    from_: str | None = None
    timeout: int | None = None
    """Seconds it may ring."""
    max_seconds: int | None = None
    """Seconds it may last."""
    machine_detection: str | None = None
    """`off`, `enable` or `message_end`; None: as the flow's `on_machine` needs it."""
    idempotency_key: str | None = None

    @property
    def fingerprint(self) -> str:
        """What tells this wish from another one, and tells nothing of it: SHA-256, in hexadecimal."""
        wish = attrs.asdict(self, filter=lambda field, _: field.name != "idempotency_key")
        return hashlib.sha256(json.dumps(wish, sort_keys=True).encode(errors="surrogatepass")).hexdigest()


@attrs.frozen
class Ways:
    """How calls are placed, unless a wish says otherwise."""

    flow: str | None = None
    timeout: int = 45
    """Seconds of ringing."""
    seconds: int = 900
    """Seconds a call may last."""
    numbers: Mapping[str, str] = attrs.field(factory=dict)
    """The numbers that we may call from (E.164), and each one's account; the first one is used unless a wish names
    one."""


class Placing:
    """Where calls are placed."""

    def __init__(
        self,
        program: Callable[[], Program],
        ways: Ways,
        switchboard: Switchboard,
        carrier: ICarrier,
        guard: IGuard,
        book: IPlacedCalls,
        clock: IReactorTime,
    ) -> None:
        self._program = program
        self._ways = ways
        self._switchboard = switchboard
        self._carrier = carrier
        self._guard = guard
        self._book = book
        self._clock = clock
        self._at_work: dict[str, list[Deferred[None]]] = {}
        """Who waits until nobody else asks for a call with the same key."""

    def place(self, wish: Wish, party: Party) -> Deferred[str]:
        """Fires with the call's SID, when the carrier has accepted it, or had before for this idempotency key.

        Fails with BadWish (400), KeyReused (422), Refused (403, or 429 where `retry_after` is set), Overloaded (503),
        StoreError (503) or CarrierError (its `answer`). It is not to be cancelled: what was asked for happens.
        """
        return Deferred.fromCoroutine(self._place(wish, party))

    # What is asked for

    async def _place(self, wish: Wish, party: Party) -> str:
        program = self._program()
        flow = self._flow(wish, party, program)
        order = self._order(wish, flow)
        if wish.idempotency_key is None:
            return await self._new(wish, party, program, flow, order, None)
        key = f"{party.name} {wish.idempotency_key}"
        while key in self._at_work:
            waiting: Deferred[None] = Deferred()
            self._at_work[key].append(waiting)
            await waiting
        return await self._once(key, wish, party, program, flow, order)

    async def _once(self, key: str, wish: Wish, party: Party, program: Program, flow: Flow, order: CallOrder) -> str:
        self._at_work[key] = []
        try:
            known = await self._book.begin(key, Placed(wish.fingerprint, order, self._clock.seconds()))
            if known is None or await self._is_free(key, known, wish.fingerprint):
                return await self._new(wish, party, program, flow, order, key)
            return known.sid or await self._sid_of(key, known)
        finally:
            for waiting in self._at_work.pop(key):
                waiting.callback(None)

    def _flow(self, wish: Wish, party: Party, program: Program) -> Flow:
        name = wish.flow if wish.flow is not None else self._ways.flow
        if name is None:
            raise BadWish("flow", "which flow? Name one, or set `outbound.flow`")
        flow = program.flows.get(name)
        if flow is None:
            raise BadWish("flow", "there is no flow of that name")
        if party.flows is not None and name not in party.flows:
            raise Refused("flows", "this API key may not use this flow")
        for path in ("prompt", "first_message"):
            if getattr(wish, path) is not None and not flow.has_agent:
                raise BadWish(path, f"flow {name!r} has no agent that it could be for")
        return flow

    def _order(self, wish: Wish, flow: Flow) -> CallOrder:
        numbers, to = self._ways.numbers, plain(wish.number)
        if not _NUMBER.fullmatch(to):
            raise BadWish("number", "this is not a number: it begins with + and its country, like +14155550100")
        from_ = plain(wish.from_) if wish.from_ is not None else next(iter(numbers), None)
        if from_ is None:
            raise BadWish("from", "there is no number to call from: set `number` of the Twilio account")
        if from_ not in numbers:
            raise BadWish("from", "this is none of our numbers")
        detect = _DETECTION[flow.on_machine]
        match wish.machine_detection:
            case "off":
                detect = ""
            case "enable" if flow.on_machine is OnMachine.LEAVE_MESSAGE:
                raise BadWish(
                    "machine_detection", "this flow leaves a message after the beep: it needs `message_end`"
                )
            case "enable" | "message_end":
                detect = wish.machine_detection
        return CallOrder(
            account=numbers[from_],
            to=to,
            from_=from_,
            reference=self._switchboard.new_name(),
            timeout=wish.timeout or self._ways.timeout,
            seconds=wish.max_seconds or self._ways.seconds,
            detect=detect,
        )

    # A call that is new

    async def _new(
        self, wish: Wish, party: Party, program: Program, flow: Flow, order: CallOrder, key: str | None
    ) -> str:
        try:
            session, order = self._begin(wish, party, program, flow, order)
        except VoicedError:
            await self._free(key)
            raise
        try:
            await self._guard.settled()
        except StoreError as error:
            await self._not_placed(session, key, str(error))
            raise
        asked = self._clock.seconds()
        try:
            sid = await self._carrier.create(order)
        except CarrierError as error:
            if session.info.sid:  # the carrier has asked about it meanwhile: it is there
                sid = session.info.sid
            elif not error.unsure:
                await self._not_placed(session, key, f"not placed: error {error.code or error.status}")
                raise
            else:
                sid = await self._looked_for(session, order, asked)
                if not sid:
                    raise
        await self._named(session, sid, key)
        return sid

    def _begin(
        self, wish: Wish, party: Party, program: Program, flow: Flow, order: CallOrder
    ) -> tuple[CallSession, CallOrder]:
        """What there is of the call on our side, before the carrier is asked: it may ask us before it answers."""
        self._switchboard.check_room()
        permit = self._guard.place(order, party)
        order = attrs.evolve(order, seconds=permit.seconds)
        info = CallInfo("", order.account, order.from_, order.to, Direction.OUTBOUND)
        ordered = Ordered(order, party.name, wish.prompt, wish.first_message, wish.variables, self._look)
        return self._switchboard.place(info, program, flow, permit, ordered), order

    async def _named(self, session: CallSession, sid: str, key: str | None) -> None:
        if session.stage is Stage.OVER and not session.info.sid:
            log.info("{call}: it was taken back before the carrier had named it", call=sid)
            await self._end(sid, session.info.account)
        self._switchboard.named(session, sid)
        if key is not None:
            try:
                await self._book.named(key, sid)
            except StoreError as error:
                log.error("{call}: its idempotency key is not kept: {error}", call=sid, error=str(error))

    async def _not_placed(self, session: CallSession, key: str | None, fault: str) -> None:
        session.not_placed(fault)
        await self._free(key)

    async def _free(self, key: str | None) -> None:
        if key is not None:
            try:
                await self._book.forget(key)
            except StoreError as error:
                log.error("an idempotency key is not freed: {error}", error=str(error))

    async def _looked_for(self, session: CallSession, order: CallOrder, asked: float) -> str:
        """The SID of a call whose `create` got no answer; "" when the carrier does not list it (yet)."""
        for _ in range(2):
            sid = session.info.sid or await self._listed(order, asked)
            if sid:
                return sid
            await deferLater(self._clock, LOOK_AFTER)
        return session.info.sid

    async def _listed(self, order: CallOrder, asked: float) -> str:
        try:
            sids = await self._carrier.find(order, asked, asked + ASKING)
        except CarrierError as error:
            log.warn("the carrier cannot be asked for a call: error {code}", code=error.code or error.status)
            return ""
        strangers = [
            sid for sid in sids if self._switchboard.find(sid) is None and not self._switchboard.has_ended(sid)
        ]
        return strangers[-1] if strangers else ""

    # A key that is known

    async def _is_free(self, key: str, known: Placed, fingerprint: str) -> bool:
        """Whether a call must be placed for this key after all: it was asked for, and certainly never came to be."""
        if known.fingerprint != fingerprint:
            raise KeyReused("this idempotency key stands for another request")
        if known.sid or self._switchboard.placed(known.order.reference) is not None:
            return False
        asked = known.asked
        if self._clock.seconds() - asked < CERTAIN_AFTER:
            return False
        if await self._carrier.find(known.order, asked, asked + ASKING):
            return False
        await self._book.forget(key)
        return await self._book.begin(key, attrs.evolve(known, asked=self._clock.seconds())) is None

    async def _sid_of(self, key: str, known: Placed) -> str:
        """The SID of a call that was asked for and not named. Raises CarrierError when nobody can say yet."""
        session = self._switchboard.placed(known.order.reference)
        sid = session.info.sid if session is not None else ""
        sid = sid or await self._listed(known.order, known.asked)
        if not sid:
            message = "Twilio has not said yet whether this call was placed: repeat it with the same key in a minute"
            raise CarrierError(message, unsure=True, answer=504)
        if session is not None:
            self._switchboard.named(session, sid)
        await self._book.named(key, sid)
        return sid

    # A call of which nothing is heard

    def _look(self, session: CallSession) -> None:
        assert session.ordered is not None  # noqa: S101 - for the type checker: only such a one is looked for
        asking = Deferred.fromCoroutine(self._ask_about(session, session.ordered.order))
        asking.addErrback(_broke, session.info.sid)

    async def _ask_about(self, session: CallSession, order: CallOrder) -> None:
        session.looks += 1
        sid = session.info.sid or await self._listed(order, session.record.began)
        if not sid:
            session.not_placed("the carrier knows nothing of it")
            return
        self._switchboard.named(session, sid)
        ending = None
        try:
            ending = (await self._carrier.fetch(sid, order.account)).ending
        except CarrierError as error:
            log.warn("{call}: nothing is heard of it: error {code}", call=sid, code=error.code or error.status)
        if ending is None and session.looks >= MOST_LOOKS:
            ending = Ending.FAILED
            await self._end(sid, order.account)
        if ending is not None and session.stage is Stage.RINGING:
            session.record.faults.append("the carrier has not told us by itself how it ended")
            session.caller_gone(ending)

    async def _end(self, sid: str, account: str) -> None:
        try:
            await self._carrier.complete(sid, account)
        except CarrierError as error:
            log.error("{call}: it could not be ended: error {code}", call=sid, code=error.code or error.status)


def _broke(failure: Failure, call_sid: str) -> None:
    log.failure("{call}: asking the carrier about it broke down", failure, call=call_sid)

"""What is trouble, and what is not: failures of vendors, endings of calls, a full disk."""

from __future__ import annotations

from typing import Any

import attrs
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from voiced.call.records import AgentRecord, CallInfo, CallRecord, Ending
from voiced.iwatch import IWatch, Unwatched
from voiced.watch.noticing import Noticing
from voiced.watch.trouble import CALLS_SECONDS, PLACES, VENDOR_SECONDS, Trouble

OURS = "(ours)"


class Bell:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.troubles: list[Trouble] = []
        self.over: list[CallRecord] = []

    def notice(self, trouble: Trouble) -> None:
        """See Bell."""
        self.troubles.append(trouble)

    def is_ours(self, record: CallRecord) -> bool:
        """See Bell."""
        return record.placed_by == OURS

    def ended(self, record: CallRecord) -> None:
        """See Bell."""
        self.over.append(record)


def record(sid: str = "CA1", ending: Ending | None = None, **more: Any) -> CallRecord:
    """Of a call of no length."""
    info = CallInfo(sid, "main", "+14155550100", "+14155550123")
    return CallRecord(info, "test", 0.0, None if ending is None else 0.0, ending, **more)


class NoticingHouse(SynchronousTestCase):
    """Somebody who notices, and what they have told."""

    def setUp(self) -> None:
        """All is well."""
        self.clock, self.bell = Clock(), Bell()
        self.live: dict[str, CallRecord] = {}
        self.noticing = Noticing(Unwatched(), self.clock, self.bell, self.live.get)

    @property
    def kinds(self) -> list[tuple[str, str, str]]:
        """Kind, voice or agent, and call of each trouble so far."""
        return [(each.kind, each.who, each.call) for each in self.bell.troubles]

    def fails(self, times: int = 1, kind: str = "unreachable", voice: str = "anna", call: str = "CA1") -> None:
        """The voice fails, a second after the other."""
        for _ in range(times):
            self.clock.advance(1)
            self.noticing.voice_failed(kind, voice, call)


class VendorTests(NoticingHouse):
    """Voices and agents that fail."""

    def test_dead(self) -> None:
        """Three failures are trouble; then three more are."""
        self.fails(2)
        self.assertEqual(self.kinds, [])
        self.fails(1, call="CA2")
        self.assertEqual(self.kinds, [("voice", "anna", "CA2")])
        self.assertEqual(
            self.bell.troubles[0].text, "The voice anna has failed 3 times within 5 minutes, at last: unreachable."
        )
        self.fails(2)
        self.assertEqual(len(self.kinds), 1)
        self.fails(1)
        self.assertEqual(len(self.kinds), 2)

    def test_apart(self) -> None:
        """Failures of several are not those of one; those of an agent not those of a voice of its name."""
        self.fails(2)
        self.fails(2, voice="bert")
        for _ in range(2):
            self.noticing.agent_failed("lost", "anna", "CA1")
        self.assertEqual(self.kinds, [])
        self.noticing.agent_failed("lost", "anna", "CA3")
        self.assertEqual(self.kinds, [("agent", "anna", "CA3")])

    def test_slow(self) -> None:
        """Failures that are minutes apart are not trouble."""
        for _ in range(10):
            self.fails()
            self.clock.advance(VENDOR_SECONDS / 2)
        self.assertEqual(self.kinds, [])

    def test_well_between(self) -> None:
        """Whoever speaks between is not dead."""
        self.fails(2)
        self.noticing.voice_spoke("anna")
        self.fails(2)
        self.assertEqual(self.kinds, [])

    def test_stands(self) -> None:
        """It stands until whoever is in trouble was well; what they began before it is no proof."""
        self.noticing.agent_failed("quota", "anna", "CA1")
        self.fails(3)
        quota, dead = self.bell.troubles
        self.assertTrue(self.noticing.stands(dead))
        began = AgentRecord("anna", began=0.0, ended=9.0, ready_ms=300.0, outcome="completed")
        self.noticing.voice_spoke("bert")
        self.assertEqual([self.noticing.stands(each) for each in (quota, dead)], [True, True])
        self.noticing.voice_spoke("anna")
        self.assertEqual([self.noticing.stands(each) for each in (quota, dead)], [True, False])
        self.clock.advance(1)
        self.noticing.agent_failed("quota", "anna", "CA1")
        self.noticing.ended(record(agents=[began]))
        self.assertTrue(self.noticing.stands(quota))
        self.noticing.ended(record(agents=[attrs.evolve(began, began=self.clock.seconds())]))
        self.assertFalse(self.noticing.stands(quota))

    def test_agent_well(self) -> None:
        """An agent's conversation that ended in order counts from its beginning."""
        good = AgentRecord("clerk", began=2.0, ended=9.0, ready_ms=300.0, outcome="completed")
        bad = [attrs.evolve(good, ready_ms=None), attrs.evolve(good, error="x"), attrs.evolve(good, outcome="failed")]
        bad += [attrs.evolve(good, outcome=outcome) for outcome in ("killed", "restarted")]

        def troubles(agent: AgentRecord) -> int:
            self.setUp()
            for _ in range(3):
                self.clock.advance(1)
                self.noticing.agent_failed("lost", "clerk", "CA1") if self.clock.seconds() != 2 else None
            self.noticing.ended(record(agents=[agent]))
            self.noticing.agent_failed("lost", "clerk", "CA1")
            return len(self.kinds)

        self.assertEqual([troubles(agent) for agent in (good, *bad)], [0, 1, 1, 1, 1, 1])

    def test_killed(self) -> None:
        """Many calls that the daemon before was killed under are trouble; one or two are none."""
        self.noticing.outlived(2)
        self.assertEqual(self.kinds, [])
        self.noticing.outlived(3)
        self.assertEqual(self.kinds, [("killed", "", "")])
        self.assertIn("killed under 3 live calls", self.noticing.report()["text"])
        self.noticing.look(())
        self.assertTrue(self.noticing.stands(self.bell.troubles[0]), "it has happened")

    def test_quota(self) -> None:
        """A quota that is used up is trouble at once."""
        self.fails(kind="quota")
        self.assertEqual(self.kinds, [("quota", "anna", "CA1")])
        self.assertEqual(self.bell.troubles[0].text, "The voice anna has no quota left at its vendor.")

    def test_text_without_sound(self) -> None:
        """A text that gives no sound is no vendor's fault."""
        self.fails(5, kind="silent")
        self.assertEqual(self.kinds, [])

    def test_own_call(self) -> None:
        """What fails on the call to the operator is not trouble."""
        self.live["CA9"] = record("CA9", placed_by=OURS)
        self.fails(5, call="CA9")
        self.fails(1, kind="quota", call="CA9")
        self.assertEqual(self.kinds, [])


class EndingTests(NoticingHouse):
    """Calls that fail."""

    def ends(self, *endings: Ending, **more: Any) -> None:
        """Calls end so, a second after the other."""
        for ending in endings:
            self.clock.advance(1)
            self.noticing.ended(record(f"CA{self.clock.seconds():g}", ending, **more))

    def test_many(self) -> None:
        """More than a fifth of ten calls and more is trouble; then all is counted anew."""
        self.ends(*[Ending.COMPLETED] * 7, Ending.FAILED, Ending.BUG)
        self.assertEqual(self.kinds, [])
        self.ends(Ending.FAILED)
        self.assertEqual(self.kinds, [("errors", "", "CA10")])
        self.assertEqual(self.bell.troubles[0].text, "Of the last 10 calls within 10 minutes, 3 have failed.")
        self.ends(*[Ending.FAILED] * 9)
        self.assertEqual(len(self.kinds), 1)

    def test_stands(self) -> None:
        """It stands until of ten calls after it no more than a fifth fail, however long they take to come."""
        self.ends(*[Ending.FAILED] * 10)
        (trouble,) = self.bell.troubles
        self.ends(*[Ending.FAILED] * 3, *[Ending.COMPLETED] * 7)
        self.clock.advance(CALLS_SECONDS)
        self.assertTrue(self.noticing.stands(trouble))
        self.ends(Ending.COMPLETED)
        self.assertFalse(self.noticing.stands(trouble))

    def test_few(self) -> None:
        """A fifth is none yet, nor are other endings, nor nine calls."""
        self.ends(*[Ending.COMPLETED] * 8, *[Ending.FAILED] * 2, *[Ending.BUSY, Ending.REFUSED] * 5)
        self.setUp()
        self.ends(*[Ending.FAILED] * 9)
        self.assertEqual(self.kinds, [])

    def test_long_ago(self) -> None:
        """Calls of more than ten minutes ago do not count."""
        self.ends(*[Ending.FAILED] * 9)
        self.clock.advance(CALLS_SECONDS)
        self.ends(Ending.FAILED)
        self.assertEqual(self.kinds, [])

    def test_own_call(self) -> None:
        """Calls to the operator do not count; who rings is told of them."""
        self.ends(*[Ending.FAILED] * 20, placed_by=OURS)
        self.assertEqual((self.kinds, len(self.bell.over)), ([], 20))
        self.assertEqual(self.noticing.report()["record"], "")


class LookTests(NoticingHouse):
    """What a look at the data directory finds."""

    def test_new(self) -> None:
        """Each word is trouble when it begins, and again when it comes back; the words of overload are not."""
        for words in (["disk", "store", "lag"], ["disk"], ["calls"], ["disk", "journal"]):
            self.noticing.look(words)
        self.assertEqual([kind for kind, _, _ in self.kinds], ["disk", "store", "disk", "journal"])
        self.assertEqual([self.noticing.stands(PLACES[word]) for word in ("disk", "store")], [True, False])


class ReportTests(NoticingHouse):
    """What the operator is told."""

    def test_nothing(self) -> None:
        """No trouble; the record of the last failed call all the same."""
        report = {"kind": "none", "text": "No trouble is known.", "call": "", "record": ""}
        self.assertEqual(self.noticing.report(), report)
        self.noticing.ended(record("CA5", Ending.FAILED))
        self.noticing.ended(record("CA6", Ending.COMPLETED))
        self.assertEqual(self.noticing.report()["call"], "CA5")
        self.assertIn("seconds: failed.", self.noticing.report()["record"])

    def test_befallen(self) -> None:
        """The call that the trouble befell, while it lives and after that, however it ends."""
        self.live["CA7"] = record("CA7")
        self.fails(3, call="CA7")
        report = self.noticing.report()
        self.assertEqual((report["kind"], report["call"]), ("voice", "CA7"))
        self.assertIn("still live", report["record"])
        self.noticing.ended(attrs.evolve(self.live.pop("CA7"), ended=4.0, ending=Ending.COMPLETED))
        self.assertEqual(self.noticing.report()["call"], "CA7")
        self.assertIn("4 seconds: completed.", self.noticing.report()["record"])


class PassedOnTests(SynchronousTestCase):
    """Whoever counts is told all of it."""

    def test_is_a_watch(self) -> None:
        """It and the others are."""
        verifyObject(IWatch, Noticing(Unwatched(), Clock(), Bell(), lambda _: None))
        verifyObject(IWatch, Unwatched())

    def test_passed_on(self) -> None:
        """Every word of IWatch, as it came."""
        told: list[tuple[Any, ...]] = []

        class Watch(Unwatched):
            def __getattribute__(self, name: str) -> Any:
                return (
                    super().__getattribute__(name)
                    if name in ("lag", "traffic")
                    else lambda *a: told.append((name, *a))
                )

        watch = Watch()
        noticing = Noticing(watch, Clock(), Bell(), lambda _: None)
        over = record(ending=Ending.COMPLETED)
        said: list[tuple[Any, ...]] = [
            ("first_audio", 0.1), ("dead_air", 2.0), ("mark_late",), ("stream_stalled",), ("agent_ready", 0.2),
            ("agent_failed", "lost", "clerk", "CA1"), ("interrupted", 0.01), ("voice_failed", "late", "anna", "CA1"),
            ("voice_spoke", "anna"), ("speech_kept", True), ("ended", over),
        ]  # fmt: skip
        for name, *arguments in said:
            getattr(noticing, name)(*arguments)
        self.assertEqual(told, said)
        self.assertEqual({name for name, *_ in said} | {"lag", "traffic"}, set(IWatch.names()))
        self.assertIs(noticing.traffic, watch.traffic)

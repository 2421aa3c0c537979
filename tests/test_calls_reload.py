"""Settings and flows are reloaded while calls are live, in a whole daemon that is made of files."""

from __future__ import annotations

import gc
import json
import weakref
from typing import Any

from twisted.logger import LogLevel, capturedLogs

from tests.files_house import FLOW, KEY, NARROW, NUMBER, PERSON, PUBLIC_URL, REGISTRY, FilesHouse
from voiced.call.records import Ending
from voiced.call.version import Version
from voiced.errors import ConfigError, Overloaded
from voiced.settings.load import read
from voiced.simulator.carrier import AUTH_TOKEN
from voiced.speech.voice import Voice

NEW = FLOW.format("new")


def engine(voice: Any) -> Any:
    """Who speaks, behind what keeps it."""
    return voice.engines[0]._engine


class CallTests(FilesHouse):
    """Calls of two versions."""

    def test_old_and_new(self) -> None:
        """A call in its flow goes on with its sentences; the next one has the new."""
        old = self.ring()
        self.write("flows/test.yaml", NEW)
        self.passes(0.5)
        self.reloads()
        new = self.ring()
        self.passes(20)
        self.assertEqual(self.heard(old), ["First, old.", "Second, old."])
        self.assertEqual(self.heard(new), ["First, new.", "Second, new."])

    def test_stranded(self) -> None:
        """A call whose flow, voice and number are gone ends as it would have."""
        call = self.ring()
        (self.home / "flows/test.yaml").rename(self.home / "flows/other.yaml")
        self.write("flows/other.yaml", FLOW.format("new").replace("flow: test", "flow: other"))
        self.settings(("anna", "bert"), ("flows: [test]", "flows: [other]"), ("default: test", "default: other"),
                      ("flow: test,", "flow: other,"))  # fmt: skip
        self.assertEqual(self.reloads().flows, ("other",))
        self.passes(20)
        self.assertEqual(self.heard(call), ["First, old.", "Second, old."])
        self.assertEqual(self.daemon.switchboard.endings, {Ending.COMPLETED: 1})

    def test_sentences(self) -> None:
        """The daemon's own sentences are the call's own, too."""
        old = self.ring()
        self.settings(("prerender: false", "goodbye: Farewell."))
        self.reloads()
        new = self.ring()
        for call in (old, new):
            self.assertEqual(self.asks("DELETE", f"/calls/{call.sid}")[0], 202)
        self.passes(20)
        self.assertEqual([self.heard(call)[-1] for call in (old, new)], ["Goodbye.", "Farewell."])

    def test_journal(self) -> None:
        """Each call's lines say which version it followed."""
        versions = [self.building.studio.program.version.hash]
        self.ring()
        self.write("flows/test.yaml", NEW)
        versions.append(self.reloads().version.hash)
        self.ring()
        self.passes(20)
        lines = [json.loads(line) for line in (self.home / "var/journal.jsonl").read_text().splitlines()]
        self.assertEqual([line["version"] for line in lines], versions * 2)
        self.assertNotEqual(*versions)

    def test_status(self) -> None:
        """Who may see every call sees the version, and how many calls are on each; nobody else does."""
        self.ring()
        before = self.building.studio.program.version
        self.passes(0.5)
        self.write("flows/test.yaml", NEW)
        after = self.reloads().version
        self.ring(), self.ring()
        status = self.asks("GET", "/")[1]
        self.assertEqual(status["version"], {"hash": after.hash, "loaded": "2023-11-14T22:13:20.500+00:00"})
        self.assertEqual(status["calls_by_version"], {before.hash: 1, after.hash: 2})
        for key in (None, NARROW, "wrong" * 8):
            self.assertEqual(self.asks("GET", "/", key)[1], {"message": "Server is running"})

    def test_drained(self) -> None:
        """A daemon that stops is not reloaded."""
        self.ring()
        drained = self.daemon.drain()
        self.failureResultOf(self.building.reload(), Overloaded)
        self.assertEqual(self.asks("POST", "/reload")[0], 503)
        self.passes(20)
        self.successResultOf(drained)


class BadTests(FilesHouse):
    """Files that are wrong."""

    def assert_refused(self, *faults: str) -> None:
        """All of these are logged, and nothing has changed."""
        before = self.building.studio.program
        with capturedLogs() as logged:
            error = self.failureResultOf(self.building.reload(), ConfigError).value
        self.assertEqual([str(fault).partition("/voiced")[2] or str(fault) for fault in error.faults], [*faults])
        told = [event["fault"] for event in logged if event["log_level"] is LogLevel.error and "fault" in event]
        self.assertEqual(told, [str(fault) for fault in error.faults])
        self.assertIs(self.building.studio.program, before)
        self.assertIs(self.daemon.program, before)

    def test_faults(self) -> None:
        """All that is wrong in any file is said, and the next call has the old flow."""
        self.write("flows/test.yaml", NEW.replace("start: start", "start: begin"))
        self.settings(("calls_at_once: 1", "calls_at_once: none"))
        error = self.failureResultOf(self.building.reload(), ConfigError).value
        self.assertEqual(len(error.faults), 2)
        self.assertIn("test.yaml:3:8: ", str(error))
        call = self.ring()
        self.passes(20)
        self.assertEqual(self.heard(call), ["First, old.", "Second, old."])

    def test_unmade(self) -> None:
        """A voice that cannot be made here is a fault like others; the rules have not changed either."""
        self.settings(("engine: spelling", "engine: spelling, broken: true"), ("allow: [US]", "allow: []"))
        self.assert_refused(".yaml:6:10: this voice cannot be made here")
        self.assertEqual(self.asks("POST", "/outbound-call", number=PERSON)[0], 200)

    def test_missing(self) -> None:
        """So are settings that are gone."""
        (self.home / "voiced.yaml").unlink()
        self.assert_refused(".yaml:1:1: cannot be read: No such file or directory")

    def test_answered(self) -> None:
        """An API client gets each fault in its parts."""
        self.write("flows/test.yaml", NEW.replace("start: start", "start: begin"))
        status, answer = self.asks("POST", "/reload")
        (fault,) = answer["faults"]
        self.assertEqual((status, answer["success"], fault["line"], fault["column"]), (422, False, 3, 8))
        self.assertTrue(fault["file"].endswith("flows/test.yaml"))
        self.assertIn("'begin'", fault["message"])


class SwapTests(FilesHouse):
    """What is swapped, and what is kept."""

    def test_answered(self) -> None:
        """An API client is told the version, the flows, and what needs a restart."""
        self.settings(
            ("tcp:8080", "tcp:9090"), (PUBLIC_URL, "https://other.test"), ("prerender: false", "data: elsewhere")
        )
        status, answer = self.asks("POST", "/reload")
        version = {"hash": self.read().hash, "loaded": "2023-11-14T22:13:20.000+00:00"}
        restart = ["listen", "public_url", "data"]
        told = {"success": True, "version": version, "flows": ["test"], "restart": restart}
        self.assertEqual((status, answer), (200, told))

    def test_narrow_key(self) -> None:
        """A key for some flows reloads nothing."""
        self.assertEqual(self.asks("POST", "/reload", NARROW)[0], 403)
        self.assertEqual(self.asks("POST", "/reload", None)[0], 401)

    def test_voices(self) -> None:
        """Who is chosen as before is the one of before, with its cache; who is not, is new."""
        first = self.voices("{anna: {engine: spelling}, bert: {engine: spelling}}")
        fallback = self.voices("{anna: {engine: spelling, fallback: bert}, bert: {engine: spelling}}")
        paced = self.voices("{anna: {engine: spelling, fallback: bert}, bert: {engine: spelling, pace: 0.1}}")
        self.assertIs(fallback["bert"], first["bert"])
        self.assertIsNot(fallback["anna"], first["anna"])
        self.assertIs(fallback["anna"].engines[0], first["anna"].engines[0])
        self.assertIsNot(engine(paced["bert"]), engine(first["bert"]))
        self.assertEqual(paced["anna"].engines, (first["anna"].engines[0], paced["bert"].engines[0]))

    def test_let_go(self) -> None:
        """Who is not chosen any more is not kept."""
        gone = weakref.ref(self.building.studio.program.voices["anna"])
        self.voices("{anna: {engine: spelling, pace: 0.1}}")
        gc.collect()
        self.assertIsNone(gone())

    def voices(self, written: str) -> Any:
        """The voices, when the settings say that."""
        self.settings(("voices: {anna: {engine: spelling}}", f"voice: anna\nvoices: {written}"))
        self.reloads()
        return self.building.studio.program.voices

    def test_cache_size(self) -> None:
        """A cache of another size is another cache, of the same engine."""
        before = self.building.studio.program.voices["anna"]
        self.settings(("prerender: false", "cache: {size_mb: 1}"))
        self.reloads()
        after = self.building.studio.program.voices["anna"]
        self.assertIsInstance(after, Voice)
        self.assertIsNot(after.engines[0], before.engines[0])
        self.assertIs(engine(after), engine(before))

    def test_caps(self) -> None:
        """The calls at once are counted over a reload, and the new cap is for them all."""
        self.assertEqual(self.asks("POST", "/outbound-call", number=PERSON)[0], 200)
        self.reloads()
        self.assertEqual(self.asks("POST", "/outbound-call", number="+14155550198")[1]["rule"], "calls_at_once")
        self.settings(("calls_at_once: 1", "calls_at_once: 2"))
        self.reloads()
        self.assertEqual(self.asks("POST", "/outbound-call", number="+14155550198")[0], 200)
        self.assertEqual(self.asks("POST", "/outbound-call", number="+14155550197")[1]["rule"], "calls_at_once")

    def test_room(self) -> None:
        """So is `limits.calls`."""
        self.ring()
        self.settings(("prerender: false", "limits: {calls: 1}\nbusy: All busy."))
        self.reloads()
        self.assertIn("All busy.", self.ring().twiml[-1])

    def test_keys(self) -> None:
        """A key that is taken out is locked out at once; a new one is let in."""
        self.settings((KEY, "a-new-key-of-more-than-twenty"))
        self.reloads()
        self.assertEqual(self.asks("GET", "/calls")[0], 401)
        self.assertEqual(self.asks("GET", "/calls", "a-new-key-of-more-than-twenty")[0], 200)
        self.assertEqual(self.asks("GET", "/", KEY)[1], {"message": "Server is running"})

    def test_ways(self) -> None:
        """So are the numbers that may call."""
        self.carrier.number("+14155550177", "/call/incoming")
        self.settings(("default: test", 'default: test, "+14155550177": test'))
        self.assertEqual(self.asks("POST", "/outbound-call", number=PERSON, **{"from": "+14155550177"})[0], 400)
        self.reloads()
        self.assertEqual(self.asks("POST", "/outbound-call", number=PERSON, **{"from": "+14155550177"})[0], 200)

    def test_prerendered(self) -> None:
        """What the new flows say is rendered ahead; what was left of the old ones is not."""
        self.settings(("engine: spelling", "engine: spelling, pace: 0.5"), ("prerender: false", "prerender: true"))
        self.write("flows/test.yaml", FLOW.format("old") + '    - say: "Third, old."\n')
        self.reloads()
        self.passes(1)
        self.write("flows/test.yaml", NEW)
        self.reloads()
        self.passes(200)
        spoken = engine(self.building.studio.program.voices["anna"]).spoken
        self.assertLessEqual({"First, old.", "First, new.", "Second, new.", "Goodbye."}, set(spoken))
        self.assertNotIn("Third, old.", spoken)


class AccountTests(FilesHouse):
    """The Twilio accounts."""

    def test_token(self) -> None:
        """A token that is rotated is believed at once, by us and for us."""
        self.settings((f"auth_token: {AUTH_TOKEN}", "auth_token: another-token"))
        self.assertEqual(self.reloads().restart, ())
        self.ring()
        self.assertEqual(len(self.daemon.switchboard), 0)
        self.assertEqual(self.asks("POST", "/outbound-call", number=PERSON)[0], 502)

    def test_gone(self) -> None:
        """An account that is gone is kept until a restart: its live calls need it."""
        call = self.ring()
        self.settings(("twilio: {", "twilio: {two: {"), ('"https://api.twilio"}', '"https://api.twilio"}}'))
        self.assertEqual(self.reloads().restart, ("twilio",))
        self.assertEqual(self.asks("DELETE", f"/calls/{call.sid}?how=now")[0], 202)
        self.passes(1)
        self.assertTrue(call.over)
        self.assertEqual(self.asks("POST", "/outbound-call", number=PERSON, **{"from": NUMBER})[0], 200)

    def test_insecure(self) -> None:
        """Accounts without tokens are for the next start, as `insecure` is: till then they have to be signed for."""
        self.settings((f", auth_token: {AUTH_TOKEN}", ""), ("prerender: false", "insecure: true"))
        self.assertEqual(self.reloads().restart, ("insecure", "twilio"))
        self.ring()
        self.assertEqual(len(self.daemon.switchboard), 1)


class VersionTests(FilesHouse):
    """What tells versions apart."""

    def test_hash(self) -> None:
        """The same files have the same hash, wherever they are; any other byte makes another."""
        first = self.read().hash
        self.assertRegex(first, "^[0-9a-f]{12}$")
        other = self.home.rename(self.home.with_name("moved"))
        self.assertEqual(read(other / "voiced.yaml", {}, REGISTRY).hash, first)
        (other / "flows/test.yaml").write_text(FLOW.format("old") + "\n")
        self.assertNotEqual(read(other / "voiced.yaml", {}, REGISTRY).hash, first)
        other.rename(self.home)

    def test_loaded(self) -> None:
        """The same files again are the same version, loaded later."""
        before = self.building.studio.program.version
        self.passes(5)
        reloaded = self.reloads()
        self.assertEqual((reloaded.before, reloaded.version), (before, Version(before.hash, before.loaded + 5)))

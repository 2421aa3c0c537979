"""ElevenLabs' refusals become sentences for the operator, whatever their bodies hold."""

import json

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from voiced.speech.refusal import refusal

KEY = "sk_5f0c9a4e"


class RefusalTests(SynchronousTestCase):
    table = (
        (401, {"type": "authentication_error", "code": "invalid_api_key"}, "does not accept this api_key", False),
        (401, {"status": "quota_exceeded"}, "no credits left", False),
        (401, "Unauthorized", "does not accept this api_key", False),
        (402, {"type": "payment_required", "code": "insufficient_credits"}, "no credits left", False),
        (400, {"status": "voice_not_found"}, "knows no voice 'v1'", False),
        (404, {"type": "not_found", "code": "voice_not_found"}, "knows no voice 'v1'", False),
        (404, {"type": "not_found", "code": "model_not_found"}, "does not take the model 'm1'", False),
        (400, {"status": "max_character_limit_exceeded"}, "too long for the model 'm1'", False),
        (400, {"code": "text_too_long"}, "too long for the model 'm1'", False),
        (403, {"type": "authorization_error"}, "does not allow this", False),
        (429, {"code": "rate_limit_exceeded"}, "asks for fewer requests", True),
        (429, {"status": "too_many_concurrent_requests"}, "all syntheses that the ElevenLabs plan allows", True),
        (429, {"code": "system_busy"}, "overloaded", True),
        (429, None, "asks for fewer requests", True),
        (425, [], "trouble of its own (425)", True),
        (500, "Internal Server Error", "trouble of its own (500)", True),
        (503, {"type": "service_unavailable"}, "trouble of its own (503)", True),
        (409, {"type": "conflict"}, "refused the request (409)", False),
        (
            422,
            [{"loc": ["body", "voice_settings", "speed"], "msg": "?", "type": "?"}, {"loc": ["query", "my text"]}],
            "check the voice's voice_settings.speed",
            False,
        ),
        (422, [{"loc": "body"}, 3, {"loc": [1, None]}], "check the voice's settings", False),
    )

    def test_table(self):
        """Each refusal becomes a sentence that says what to do, and whether trying again may help."""
        for status, detail, words, retry in self.table:
            error = refusal(status, json.dumps({"detail": detail}).encode(), voice="v1", model="m1")
            self.assertIn(words, str(error))
            self.assertIn(str(status), str(error))
            self.assertEqual(error.retry, retry, (status, detail))

    def test_hostile_bodies(self):
        """Bodies that are no JSON, no mapping, cut, or deep as a well still give a sentence."""
        for body in (
            b"",
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"detail": {"code"',
            b"[]",
            b"null",
            b'{"detail": {"code": []}}',
        ):
            self.assertIn("(400)", str(refusal(400, body, voice="v1", model="m1")))

    json_values = st.recursive(
        st.none() | st.booleans() | st.floats() | st.just(KEY) | st.just("a caller's text") | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["detail", "code", "loc", KEY]), inner),
    )

    @given(st.integers(201, 599), json_values)
    def test_never_shows_what_the_vendor_quotes(self, status, answer):
        """Whatever a body holds, the sentence holds neither the key nor the text."""
        body = json.dumps({"detail": answer}).encode()
        error = refusal(status, body, voice="v1", model="m1")
        self.assertNotIn(KEY, str(error))
        self.assertNotIn("caller's text", str(error))

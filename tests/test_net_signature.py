"""Signatures of what we ask: as the Standard Webhooks specification has them, by its own example."""

from __future__ import annotations

import base64

from twisted.trial.unittest import SynchronousTestCase

from voiced.net.signature import Signature
from voiced.secret import Secret

KEY = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
EXAMPLE = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}
"""The vector that the specification's own libraries test with."""


class SignatureTests(SynchronousTestCase):
    """Requests that are signed."""

    def test_example(self) -> None:
        """The known secret, name, time and body give the known signature."""
        signature = Signature.parse(Secret("whsec_" + base64.b64encode(KEY).decode()))
        signed = signature.headers(EXAMPLE["webhook-id"], 1614265330, b'{"test": 2432232314}')
        self.assertEqual(signed, EXAMPLE)

    def test_plain_text(self) -> None:
        """A secret that is only a text is its bytes."""
        text = "a secret of 24 bytes or more"
        encoded = Secret("whsec_" + base64.b64encode(text.encode()).decode())
        self.assertEqual(Signature.parse(Secret(text)), Signature.parse(encoded))

    def test_wrong(self) -> None:
        """What is short, or no base64, is said to be; nothing of it is repeated."""
        for secret, words in [
            ("x" * 23, "shorter than 24 bytes"),
            ("whsec_" + base64.b64encode(b"x" * 23).decode(), "shorter than 24 bytes"),
            ("whsec_" + "!" * 40, "not base64"),
            ("whsec_" + "x" * 41, "not base64"),
            ("whsec_" + "ü" * 40, "not base64"),
        ]:
            error = self.assertRaises(ValueError, Signature.parse, Secret(secret))
            self.assertIn(words, str(error))
            self.assertNotIn(secret[6:], str(error))

    def test_not_shown(self) -> None:
        """Nobody sees the secret by looking at it."""
        self.assertNotIn("secret", repr(Signature.parse(Secret("a-secret-that-nobody-may-see"))))

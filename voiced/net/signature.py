"""Signs what we ask of web services, so that they can tell it from what others send them. Pure.

    webhook-id: 5f0c…                         another one for every request
    webhook-timestamp: 1767225600             seconds since the epoch
    webhook-signature: v1,<base64 of HMAC-SHA256(secret, "{id}.{timestamp}.{body}")>

Source: the Standard Webhooks specification (standardwebhooks.com, "Signature scheme", "Webhook headers").
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

import attrs

from voiced.secret import Secret

SHORTEST = 24
"""Bytes of a secret (Standard Webhooks: 192 bits at least)."""
_PREFIX = "whsec_"


@attrs.frozen
class Signature:
    """A secret to sign with."""

    _secret: bytes = attrs.field(repr=False)

    @classmethod
    def parse(cls, secret: Secret) -> Signature:
        """From `whsec_` and base64, or from the text itself. Raises ValueError with a sentence."""
        text = secret.reveal()
        if not text.startswith(_PREFIX):
            key = text.encode()
        else:
            try:
                key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
            except (binascii.Error, ValueError):
                raise ValueError("begins with `whsec_`, and what follows is not base64") from None
        if len(key) < SHORTEST:
            raise ValueError(
                f"is shorter than {SHORTEST} bytes: `echo whsec_$(openssl rand -base64 32)` makes a good one"
            )
        return cls(key)

    def headers(self, name: str, timestamp: int, body: bytes) -> Mapping[str, str]:
        """The headers of a request with this body; `name` is its own, without a dot in it."""
        signed = hmac.digest(self._secret, f"{name}.{timestamp}.".encode() + body, hashlib.sha256)
        return {
            "webhook-id": name,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": "v1," + base64.b64encode(signed).decode(),
        }

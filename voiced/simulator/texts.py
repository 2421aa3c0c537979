"""A text message that is asked for: the form of `POST …/Messages.json`, read as strictly as Twilio does. Pure.

    To, From, Body (and the others, see the API's description)  ->  a Text, or a Refusal with Twilio's code

Source: Twilio's OpenAPI description (CreateMessage, api.v2010.account.message), and twilio.com/docs/api/errors.
"""

from __future__ import annotations

from attrs import frozen

from voiced.simulator.account import Account
from voiced.simulator.courier import rfc2822
from voiced.simulator.orders import E164, Fields
from voiced.simulator.refusal import Refusal

LONGEST = 1600
"""Characters of `Body` (21617)."""
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWICE = frozenset("^{}\\[~]|€\f")
"""Characters of GSM-7 (3GPP TS 23.038 §6.2.1), and those that take two places."""


@frozen
class Text:
    """A text message that the carrier has taken."""

    sid: str
    to: str
    from_: str
    body: str
    at: float
    """Seconds since the epoch."""

    @property
    def segments(self) -> int:
        """How many messages it is billed as: of 160 or 70 characters, or, when it is longer, of 153 or 67."""
        if set(self.body) <= _GSM | _GSM_TWICE:
            length, one, part = len(self.body) + sum(letter in _GSM_TWICE for letter in self.body), 160, 153
        else:
            length, one, part = len(self.body.encode("utf-16-le")) // 2, 70, 67
        return 1 if length <= one else -(-length // part)


def read(fields: Fields, account: Account) -> Text:
    """The message in that form. Raises Refusal."""
    to, from_, body = fields.get("To"), fields.get("From"), fields.get("Body")
    if not to or not from_:
        raise Refusal(21603 if to else 21604)
    if not E164.fullmatch(to):
        raise Refusal(21211, f"Invalid 'To' Phone Number: {to}")
    if not E164.fullmatch(from_):
        raise Refusal(21212, f"Invalid From Number (caller ID): {from_}")
    if to == from_:
        raise Refusal(21266)
    if not body:
        raise Refusal(21602)
    if len(body) > LONGEST:
        raise Refusal(21617)
    if from_ not in account.numbers:  # a verified caller ID is none to text from
        raise Refusal(21659, f"'From' {from_} is not a Twilio phone number or Short Code country mismatch")
    if to in account.untexted:
        raise Refusal(account.untexted[to])
    if account.trial and to not in account.verified:
        raise Refusal(21608)
    return Text(account.new_sid("SM"), to, from_, body, account.clock.seconds())


def represent(text: Text, account: Account) -> dict[str, object]:
    """Twilio's Message resource, just accepted."""
    uri = f"/2010-04-01/Accounts/{account.sid}/Messages/{text.sid}"
    return {
        "sid": text.sid,
        "account_sid": account.sid,
        "messaging_service_sid": None,
        "to": text.to,
        "from": text.from_,
        "body": text.body,
        "status": "queued",
        "direction": "outbound-api",
        "num_segments": str(text.segments),
        "num_media": "0",
        "price": None,
        "price_unit": "USD",
        "error_code": None,
        "error_message": None,
        "api_version": "2010-04-01",
        "date_created": rfc2822(text.at),
        "date_updated": rfc2822(text.at),
        "date_sent": None,
        "uri": f"{uri}.json",
        "subresource_uris": {"media": f"{uri}/Media.json"},
    }

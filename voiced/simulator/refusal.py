"""What the carrier's API says when it refuses a request: an HTTP status, an error code, and a sentence.

Source: Twilio's error dictionary (twilio_error_codes.voice), and twilio.com/docs/api/errors of texts; 400 where they
name no HTTP status.
"""

from __future__ import annotations

from attrs import frozen

SENTENCES = {
    10004: "Call concurrency limit exceeded",
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20422: "Invalid Parameter",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    21201: "No 'To' number is specified",
    21205: "Url is not a valid URL",
    21206: "Invalid SendDigits",
    21208: "Invalid Timeout",
    21209: "Invalid Method",
    21210: "The source phone number provided is not yet verified for your account",
    21211: "The phone number you are attempting to call is not valid",
    21212: "The 'From' number is not a valid phone number",
    21213: "No 'From' number is specified",
    21214: "The phone number you are attempting to call cannot be reached",
    21215: "Account not authorized to call this number: check your geographic permissions",
    21216: "Account not allowed to call this number",
    21217: "Phone number does not appear to be valid",
    21218: "Invalid ApplicationSid",
    21219: "The number is unverified: trial accounts may only make calls to verified numbers",
    21220: "Call is not in-progress. Cannot redirect.",
    21263: "Invalid Answering Machine Detection Parameters",
    21266: "'To' and 'From' numbers cannot be the same",
    21408: "Permission to send an SMS has not been enabled for the region indicated by the 'To' number",
    21602: "Message body is required",
    21603: "A 'From' or 'MessagingServiceSid' parameter is required to send a message",
    21604: "A 'To' phone number is required",
    21608: "The 'to' phone number provided is not yet verified for this account",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the 1600 character limit",
    32018: "Twiml size exceeded maximum allowed value",
}
STATUSES = {10004: 429, 20003: 401, 20404: 404, 20429: 429, 20500: 500}
"""HTTP statuses that are not 400."""


@frozen
class Refusal(Exception):
    """The request is not done."""

    code: int
    detail: str = ""
    """Instead of the code's usual sentence."""
    status: int = 0
    """Instead of the code's usual HTTP status."""

    @classmethod
    def of(cls, status: int) -> Refusal:
        """What the carrier says with that status when it is in trouble itself."""
        return cls(20429 if status == 429 else 20500, status=status)

    def answer(self) -> tuple[int, dict[str, object]]:
        """The HTTP status, and Twilio's complaint as it goes into the body."""
        status = self.status or STATUSES.get(self.code, 400)
        return status, {
            "code": self.code,
            "message": self.detail or SENTENCES.get(self.code, "The request is refused"),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": status,
        }

"""How ElevenLabs refuses a request: its error bodies.

    {"detail": {"type": …, "code": …, "message": …, "status": <the older name of the code>, "request_id": …}}
    {"detail": [{"loc": …, "msg": …, "type": …}]}     422, what the vendor's web framework finds by itself
    {"detail": {"status": …, "message": …}}           as it was until 2025

elevenlabs.io/docs, "Errors".
"""

from __future__ import annotations

from voiced.simulator.vendors.vendor import Refusal

KNOWN = {
    400: ("validation_error", "invalid_parameters", "The request is not valid."),
    401: ("authentication_error", "invalid_api_key", "Invalid API key"),
    402: ("payment_required", "insufficient_credits", "This request exceeds your quota."),
    403: ("authorization_error", "missing_permissions", "The API key you used is missing a permission."),
    404: ("not_found", "agent_not_found", "The agent was not found."),
    409: ("conflict", "conflict", "The resource is being changed."),
    429: ("rate_limit_error", "concurrent_limit_exceeded", "Too many concurrent requests."),
    500: ("internal_error", "internal_server_error", "An unexpected error occurred."),
    503: ("service_unavailable", "service_unavailable", "Try again later."),
}
"""A status -> type, code, message."""

LEGACY = {
    "concurrent_limit_exceeded": "too_many_concurrent_requests",
    "text_too_long": "max_character_limit_exceeded",
}
"""The older names of codes, where they differ."""


def refusal(status: int, kind: str, code: str, message: str) -> Refusal:
    """An answer with that status and a body that says why."""
    older = LEGACY.get(code, code)
    detail = {"type": kind, "code": code, "message": message, "status": older, "request_id": "req_0", "param": None}
    return Refusal(status, {"detail": detail})


def complaint(status: int) -> object:
    """The usual body for a status."""
    if status == 422:
        return invalid_body("missing", "Field required", "text")
    return refusal(status, *KNOWN.get(status, ("error", "error", "Something went wrong."))).body


def invalid_body(kind: str, message: str, *where: str) -> object:
    """The body of a 422."""
    return {"detail": [{"type": kind, "loc": ["body", *where], "msg": message}]}

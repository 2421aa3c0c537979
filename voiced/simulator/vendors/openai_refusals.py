"""How OpenAI refuses a request: its error bodies.

    {"error": {"message": …, "type": …, "param": …, "code": …}}

platform.openai.com/docs, "Error codes".
"""

from __future__ import annotations

from voiced.simulator.vendors.vendor import Refusal

KNOWN = {
    400: ("invalid_request_error", "invalid_value", "The request is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided."),
    403: ("invalid_request_error", "unsupported_country_region_territory", "Not supported where you are."),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached. Please try again in 1s."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("server_error", None, "The engine is currently overloaded, please try again later."),
}
"""A status -> type, code, message."""


def refusal(status: int, kind: str, code: str | None, message: str, param: str | None = None) -> Refusal:
    """An answer with that status and a body that says why."""
    return Refusal(status, {"error": {"message": message, "type": kind, "param": param, "code": code}})


def complaint(status: int) -> object:
    """The usual body for a status."""
    return refusal(status, *KNOWN.get(status, ("server_error", None, "Something went wrong."))).body

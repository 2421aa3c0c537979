"""ElevenLabs' settings: what voiced.yaml may say of such a voice, and how a request says it to the vendor.

Ranges and names are those of elevenlabs.io/docs, API reference, "Stream speech".
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from voiced.secret import Secret

_Url = Annotated[
    str,
    Meta(
        pattern=r"^https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?$",
        description="a URL: https:// and a host, at most a path",
    ),
]
_Id = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_-]{4,64}$", description="an id of 4 to 64 letters, digits, `_` and `-`")
]
_Tag = Annotated[str, Meta(pattern=r"^[a-z]{2,3}$", description="the code of a language, like en or de")]
_Model = Annotated[str, Meta(pattern=r"^[a-z0-9_]{2,64}$", description="the name of a model")]

MAX_CHARACTERS = {
    "eleven_flash_v2_5": 40_000,
    "eleven_flash_v2": 30_000,
    "eleven_turbo_v2_5": 40_000,
    "eleven_turbo_v2": 30_000,
    "eleven_multilingual_v2": 10_000,
    "eleven_v3": 3_000,
}
"""Characters that a model takes in one request (elevenlabs.io/docs, models); others are not checked."""

_Share = Annotated[float, Meta(ge=0, le=1)]


class Dictionary(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pronunciation dictionary of the account."""

    pronunciation_dictionary_id: Annotated[str, Meta(min_length=1)]
    # The latest when it is not set.
    version_id: str | None = None


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A voice `engine: elevenlabs` of voiced.yaml. What is not set is left to the voice's own settings there."""

    # The account's key (xi-api-key).
    api_key: Secret
    # The voice's id, as in its URL at elevenlabs.io.
    voice: _Id
    model: _Model = "eleven_flash_v2_5"
    # Another region (https://api.us.elevenlabs.io, https://api.eu.residency.elevenlabs.io), a proxy, a simulator.
    base_url: _Url = "https://api.elevenlabs.io"
    # ISO 639-1; only the models v2_5 take it.
    language_code: _Tag | None = None
    # 0 lively to 1 even.
    stability: _Share | None = None
    # 0 to 1: how close to the original voice.
    similarity_boost: _Share | None = None
    # 0 to 1: exaggeration; above 0 is slower.
    style: _Share | None = None
    # Closer to the original voice; slower.
    use_speaker_boost: bool | None = None
    # 1 is the voice's own pace.
    speed: Annotated[float, Meta(ge=0.7, le=1.2)] | None = None
    # The same seed gives about the same audio.
    seed: Annotated[int, Meta(ge=0, le=4294967295)] | None = None
    # Whether numbers are read as words; "on" needs an Enterprise plan with the models v2_5.
    apply_text_normalization: Literal["auto", "on", "off"] | None = None
    # Japanese only; much slower.
    apply_language_text_normalization: bool | None = None
    pronunciation_dictionary_locators: Annotated[tuple[Dictionary, ...], Meta(max_length=3)] = ()
    # 0 to 4: faster at the cost of quality; deprecated there, the flash models are fast without.
    optimize_streaming_latency: Annotated[int, Meta(ge=0, le=4)] | None = None
    # False: ElevenLabs keeps nothing of the request (Enterprise plans).
    enable_logging: bool | None = None

    def __post_init__(self) -> None:
        key = self.api_key.reveal()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ValueError("`api_key` is empty, or holds a space or a line break: copy the key alone")
        if self.language_code is not None and not self.model.endswith("v2_5") and self.model in MAX_CHARACTERS:
            raise ValueError(f"`language_code` is refused by {self.model}: use eleven_flash_v2_5, or leave it out")

    @property
    def longest(self) -> int | None:
        """How many characters it takes at once; None: nobody knows."""
        return MAX_CHARACTERS.get(self.model)

    def query(self) -> dict[str, str]:
        """The query of every request."""
        query = {"output_format": "ulaw_8000"}
        if self.optimize_streaming_latency is not None:
            query["optimize_streaming_latency"] = str(self.optimize_streaming_latency)
        if self.enable_logging is not None:
            query["enable_logging"] = str(self.enable_logging).lower()
        return query

    def body(self) -> dict[str, Any]:
        """All of a request's body but the text; what is not set is left out."""
        voice_settings = _set(self, "stability", "similarity_boost", "style", "use_speaker_boost", "speed")
        locators = [
            _set(locator, "pronunciation_dictionary_id", "version_id")
            for locator in self.pronunciation_dictionary_locators
        ]
        return {
            "model_id": self.model,
            **_set(self, "language_code", "seed", "apply_text_normalization", "apply_language_text_normalization"),
            **({"voice_settings": voice_settings} if voice_settings else {}),
            **({"pronunciation_dictionary_locators": locators} if locators else {}),
        }


def _set(settings: msgspec.Struct, *names: str) -> dict[str, Any]:
    """Those of these settings that are set."""
    return {name: value for name in names if (value := getattr(settings, name)) is not None}

"""The settings of an ElevenLabs voice are checked when the file is read, not when somebody calls."""

import msgspec
from twisted.trial.unittest import SynchronousTestCase

from voiced.speech.elevenlabs import Settings

KEY = "sk_5f0c9a4e"
VOICE = "21m00Tcm4TlvDq8ikWAM"


class SettingsTests(SynchronousTestCase):
    def settings(self, **more):
        given = {"api_key": KEY, "voice": VOICE, **more}
        return msgspec.convert(given, Settings, dec_hook=lambda type_, text: type_(text), strict=False)

    def test_accepted(self):
        """A key and a voice are enough; the rest has its defaults."""
        chosen = self.settings()
        self.assertEqual((chosen.model, chosen.base_url), ("eleven_flash_v2_5", "https://api.elevenlabs.io"))
        self.assertNotIn(KEY, repr(chosen))

    def test_refused(self):
        """What ElevenLabs would refuse at the first call is refused when the file is read."""
        for wrong in (
            {"api_key": ""},
            {"api_key": "sk_1\n"},
            {"voice": "../../v1/user"},
            {"voice": "Rachel Smith"},
            {"base_url": "api.elevenlabs.io"},
            {"base_url": "https://key@api.elevenlabs.io"},
            {"speed": 2},
            {"stability": 1.1},
            {"seed": -1},
            {"language_code": "english"},
            {"language_code": "en", "model": "eleven_multilingual_v2"},
            {"pronunciation_dictionary_locators": [{"pronunciation_dictionary_id": "d"}] * 4},
            {"apply_text_normalization": "yes"},
            {"stabilty": 0.5},
        ):
            self.assertRaises(msgspec.ValidationError, self.settings, **wrong)

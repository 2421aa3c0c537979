"""The announcer: a voice of recordings."""

from pathlib import Path

from acme_voiced.voice import SHIPPED, Announcer, Settings, make
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.call.audio import from_file, silence
from voiced.errors import SynthesisError, VoicedError
from voiced.ivoiced import ITTSEngine, Utterance
from voiced.testing.contracts import TTSEngineContract
from voiced.testing.fakes import FakeTools


class AnnouncerContract(TTSEngineContract, SynchronousTestCase):
    """It keeps what voices promise."""

    text = "Your parcel is on its way. The number of your parcel is 4 7 3."
    other_text = "Goodbye."

    def make_engine(self) -> ITTSEngine:
        """With the recordings of this package."""
        self.clock = Clock()
        return make(Settings(), FakeTools(self.clock, late=True))

    def break_engine(self, engine: ITTSEngine) -> None:
        """A recording is gone."""
        engine._recordings = {words: Path("gone.wav") for words in engine._recordings}


class AnnouncerTests(SynchronousTestCase):
    """What is heard."""

    def setUp(self) -> None:
        """A directory for recordings of our own."""
        self.directory = Path(self.mktemp())
        (self.directory / "mine").mkdir(parents=True)

    def announcer(self, **settings: str) -> Announcer:
        """The voice."""
        return make(Settings(**settings), FakeTools(Clock(), directory=self.directory))

    def test_sentence_and_digits(self) -> None:
        """A sentence in one piece, then digit by digit, with a breath between them."""
        heard: list[bytes] = []
        said = self.announcer().synthesize(Utterance("The number of your parcel is 47."), heard.append)
        self.successResultOf(said)
        files = [SHIPPED / f"{name}.wav" for name in ("the-number-of-your-parcel-is", "4", "7")]
        first, *others = (from_file(file.name, file.read_bytes()) for file in files)
        self.assertEqual(heard, [first, *(silence(0.12) + other for other in others)])

    def test_not_recorded(self) -> None:
        """Of a text with a word that was not recorded nothing is heard: the fallback speaks it all."""
        heard: list[bytes] = []
        said = self.announcer().synthesize(Utterance("Your parcel is on its way, Ann."), heard.append)
        self.assertIn("'ann' was not recorded", str(self.failureResultOf(said, SynthesisError).value))
        self.assertEqual(heard, [])

    def test_no_recordings(self) -> None:
        """A directory without recordings is named when the daemon starts."""
        error = self.assertRaises(VoicedError, self.announcer, sounds="mine")
        self.assertIn("there are no recordings (*.wav) in", str(error))

    def test_broken_recording(self) -> None:
        """A file that is no telephone audio is named, with what to do."""
        (self.directory / "mine" / "hello.wav").write_bytes(b"RIFF")
        said = self.announcer(sounds="mine").synthesize(Utterance("Hello!"), print)
        self.assertIn("hello.wav cannot be played: it is not a WAV", str(self.failureResultOf(said).value))

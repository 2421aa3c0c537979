"""Who is calling, as Acme's service knows it."""

from acme_voiced.lookup import Settings, make
from acme_voiced.testing import KEY, URL, AcmeService
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from voiced.errors import LookupFailed
from voiced.ivoiced import ICallerLookup
from voiced.secret import Secret
from voiced.testing.contracts import CallerLookupContract
from voiced.testing.fakes import FakeTools


class CustomersContract(CallerLookupContract, SynchronousTestCase):
    """It keeps what lookups promise."""

    known = "+14155550100"

    def make_lookup(self, key: Secret = KEY) -> ICallerLookup:
        """Beside Acme's service in memory."""
        self.clock = Clock()
        self.acme = AcmeService(self.clock)
        return make(Settings(URL, key), FakeTools(self.clock, http=self.acme.http))

    def break_lookup(self) -> None:
        """The service is down."""
        self.acme.status = 503

    def left_open(self) -> int:
        """What the service still works on."""
        return self.acme.open

    def test_facts(self) -> None:
        """What the flow needs, and nothing that it does not know."""
        facts = {"name": "Ann", "parcel": "473124829", "state": "underway"}
        self.assertEqual(self.ask("+14155550100"), [facts])

    def test_not_as_agreed(self) -> None:
        """An answer of another shape is named, not passed on."""
        (failure,) = self.ask("+14155550101")
        self.assertIn("parcels.example.com answered what is not agreed: Expected `str`", str(failure.value))

    def test_wrong_key(self) -> None:
        """A refusal says what to check; the key is nowhere in it."""
        (failure,) = self.ask("+14155550100", self.make_lookup(Secret("another")))
        failure.trap(LookupFailed)
        self.assertEqual(str(failure.value), "Acme's customers: parcels.example.com answered 401: check `key`")


class SettingsTests(SynchronousTestCase):
    """The settings."""

    def test_in_clear(self) -> None:
        """A key is not sent where others could read it, and is not shown."""
        self.assertRaises(ValueError, Settings, "http://parcels.example.com", KEY)
        self.assertNotIn(KEY.reveal(), repr(Settings(URL, KEY)))

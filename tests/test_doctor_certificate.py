"""What certificates are worth: TLS in memory, with an authority that the trust store of the test knows."""

from __future__ import annotations

import datetime
import os
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from tests.doctor_house import ADDRESS, DoctorHouse
from voiced.doctor.certificate import Shown
from voiced.doctor.finding import Verdict
from voiced.doctor.way_in import DAY, judged

PASS, FAIL = Verdict.PASS, Verdict.FAIL
LONG_AGO, PAST, FAR = (datetime.datetime(year, 1, 1, tzinfo=datetime.UTC) for year in (2020, 2021, 2045))


@cache
def authority() -> tuple[Any, Any]:
    """A key, and the certificate that it has signed for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key, certificate("The authority", key, key, "The authority", until=FAR, ca=True)


def certificate(name: str, key: Any, signer: Any, issuer: str, *, until: datetime.datetime, ca: bool = False) -> Any:
    """A certificate for that name."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(LONG_AGO)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca, None), critical=True)
    )
    if not ca:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(signer, hashes.SHA256())


@implementer(IOpenSSLServerConnectionCreator)
class Server:
    """Shows this certificate."""

    def __init__(self, key: Any, shown: Any) -> None:
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.use_privatekey(crypto.PKey.from_cryptography_key(key))
        self._context.use_certificate(crypto.X509.from_cryptography(shown))

    def serverConnectionForTLS(self, protocol: Any) -> SSL.Connection:
        """Named by Twisted."""
        return SSL.Connection(self._context, None)


class CertificateTests(DoctorHouse):
    """What the doctor says of a certificate."""

    def setUp(self) -> None:
        """The system trusts the authority."""
        super().setUp()
        store = Path(self.mktemp())
        store.write_bytes(authority()[1].public_bytes(serialization.Encoding.PEM))
        before = {name: value for name, value in os.environ.items() if name == "SSL_CERT_FILE"}
        os.environ["SSL_CERT_FILE"] = str(store.absolute())
        self.addCleanup(os.environ.update, before)
        self.addCleanup(os.environ.pop, "SSL_CERT_FILE")

    def shows(self, name: str = "voiced.test", until: datetime.datetime = FAR, *, own: bool = False) -> None:
        """The proxy shows such a certificate, of the authority or (own) signed by itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        signer, issuer = (key, name) if own else (authority()[0], "The authority")
        server = Server(key, certificate(name, key, signer, issuer, until=until))
        factory = TLSMemoryBIOFactory(server, False, Factory.forProtocol(Protocol), clock=self.reactor)
        factory.noisy = False
        self.network.listen(f"tls {ADDRESS}", factory)

    def test_good(self) -> None:
        """Trusted, for the host, for long."""
        self.shows()
        self.assert_found("tls", PASS, "trusted, for voiced.test, until 2045-01-01")

    def test_another_host(self) -> None:
        """A certificate for somebody else."""
        self.shows("other.test")
        self.assert_found("tls", FAIL, "for other.test, and not for voiced.test")

    def test_nobody_trusts(self) -> None:
        """One that has signed itself."""
        self.shows(own=True)
        self.assert_found("tls", FAIL, "signed by itself", "fullchain.pem")

    def test_expired(self) -> None:
        """One that is over."""
        self.shows(until=PAST)
        self.assert_found("tls", FAIL, "has expired", "until 2021-01-01")

    def test_no_tls(self) -> None:
        """Something listens that speaks no TLS."""
        self.network.listen(f"tls {ADDRESS}", self.daemon.site())
        self.assert_found("tls", FAIL, "no handshake", "speaks TLS")

    def test_not_renewed(self) -> None:
        """One that nobody has renewed."""
        self.assertEqual(judged(Shown(["a.test"], 8 * DAY, [], True), "a.test", 0).verdict, PASS)
        found = judged(Shown(["a.test"], 8 * DAY, [], True), "a.test", 2 * DAY)
        self.assertEqual(found.verdict, FAIL)
        self.assertIn("1970-01-09, in 6.0 days", found.says)

    def test_plain(self) -> None:
        """http has no certificate."""
        insecure = ("prerender: false", "prerender: false\ninsecure: true")
        self.settings(("https://voiced.test", "http://localhost:8080"), insecure)
        self.assert_found("tls", Verdict.UNASKED, "insecure")

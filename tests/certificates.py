"""A certificate for tests that speak TLS."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from twisted.internet.ssl import KeyPair, PrivateCertificate


def certificate(host="localhost"):
    """One that nobody has signed but itself, for this host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now, hour = datetime.datetime.now(datetime.UTC), datetime.timedelta(hours=1)
    signed = (  # since an hour: OpenSSL's clock is some ms behind Python's, and to it "since now" may be not yet
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - hour, now + hour)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    form = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    private = KeyPair.load(key.private_bytes(serialization.Encoding.DER, *form))
    return PrivateCertificate.load(signed.public_bytes(serialization.Encoding.DER), private)

"""TLS as it is on a real socket: an authority of our own, certificates made here, and each mistake in its own words."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from agent.settings import CentralSettings
from agent.sync.enrol import enrol
from agent.sync.errors import CentreUnavailable
from agent.sync.line import Line
from agent.sync.tls import tls_context, tls_of
from central.errors import CentralStartError
from central.serve import ServerTls
from drivers.vocabulary.errors import SettingsError
from tests.agent.sync.key_rig import Centre

pytestmark = pytest.mark.net

TODAY = datetime.now(UTC)


@dataclass
class Authority:
    """Makes certificates; files named after whom they are for."""

    folder: Path
    name: str

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.name)])
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        self.certificate = (
            self._builder(self.subject, self.key, days=(-1, 30))
            .add_extension(constraints, critical=True)
            .add_extension(usage, critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.file = self.folder / f"{self.name}.pem"
        self.file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def issue(
        self, name: str, *, address: str = "127.0.0.1", days: tuple[int, int] = (-1, 30), client: bool = False
    ) -> tuple[Path, Path]:
        """(certificate file, key file)."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        use = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        public = self.certificate.public_key()
        made = (
            self._builder(subject, key, days=days)
            .add_extension(names, critical=False)
            .add_extension(x509.ExtendedKeyUsage([use]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        files = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        files[0].write_bytes(made.public_bytes(Encoding.PEM))
        files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return files

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, days: tuple[int, int]
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(TODAY + timedelta(days=days[0]))
            .not_valid_after(TODAY + timedelta(days=days[1]))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "chain-authority")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "stranger")


def health(centre: Centre, settings: CentralSettings) -> bytes:
    line = Line(centre.url, tls=tls_of(settings))
    try:
        return line.ask("GET", "/v1/health", deadline_s=10)
    finally:
        line.close()


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[object]:
    running: list[Centre] = []

    def start(tls: ServerTls) -> Centre:
        centre = Centre(tmp_path, tls=tls)
        running.append(centre)
        return centre

    yield start
    for centre in running:
        centre.stop()


def test_a_private_authority_is_enough(authority: Authority, serve, tmp_path: Path) -> None:
    """Health, and a whole enrolment."""
    certificate, key = authority.issue("centre")
    centre = serve(ServerTls(certificate=certificate, key=key))
    settings = CentralSettings(ca_file=str(authority.file))

    assert b'"ok"' in health(centre, settings)
    assert "t1" == enrol(centre.url, centre.code(), tmp_path / "till", tls=tls_of(settings)).till


@pytest.mark.parametrize(
    ("certificate", "words"),
    [
        ({"days": (-30, -1)}, "certificate has expired"),
        ({"days": (1, 30)}, "not valid yet; check this till's clock"),
        ({"address": "10.9.8.7"}, "for another name than this address"),
    ],
)
def test_a_wrong_certificate_has_its_own_words(authority: Authority, serve, certificate, words: str) -> None:
    """Expired, not yet valid, another machine's: three things to do, three sentences."""
    files = authority.issue("centre", **certificate)
    centre = serve(ServerTls(certificate=files[0], key=files[1]))
    with pytest.raises(CentreUnavailable, match=words):
        health(centre, CentralSettings(ca_file=str(authority.file)))


def test_another_authority_is_not_trusted(authority: Authority, stranger: Authority, serve) -> None:
    """With a pinned authority, and with the machine's own."""
    certificate, key = stranger.issue("centre")
    centre = serve(ServerTls(certificate=certificate, key=key))
    for settings in (CentralSettings(ca_file=str(authority.file)), CentralSettings()):
        with pytest.raises(CentreUnavailable, match=r"authority this till does not trust; set central\.ca_file"):
            health(centre, settings)


def test_a_centre_that_wants_certificates_lets_in_who_has_one(authority: Authority, stranger: Authority, serve) -> None:
    """Without one, with a stranger's, with an expired one: words that name the setting or the certificate."""
    certificate, key = authority.issue("centre")
    centre = serve(ServerTls(certificate=certificate, key=key, client_ca=authority.file))
    ca_file = str(authority.file)
    own, own_key = authority.issue("till-1", client=True)
    other, other_key = stranger.issue("till-2", client=True)
    old, old_key = authority.issue("till-3", client=True, days=(-30, -1))
    good = CentralSettings(ca_file=ca_file, client_certificate=str(own), client_key=str(own_key))
    bad = CentralSettings(ca_file=ca_file, client_certificate=str(other), client_key=str(other_key))
    past = CentralSettings(ca_file=ca_file, client_certificate=str(old), client_key=str(old_key))
    closed = r"closed the line right after the handshake.*central\.client_certificate|wants a client certificate"

    assert b'"ok"' in health(centre, good)
    for settings, words in (
        (CentralSettings(ca_file=ca_file), closed),
        (bad, closed + "|does not trust the authority of this till's client certificate"),
    ):
        with pytest.raises(CentreUnavailable, match=words):
            health(centre, settings)
    with pytest.raises(SettingsError, match=r"client_certificate .*till-3\.pem has expired on \d{4}"):
        tls_of(past)


def test_a_centre_without_tls_is_told_from_a_wrong_certificate(authority: Authority, tmp_path: Path) -> None:
    """An address that begins with https at a port that speaks http."""
    centre = Centre(tmp_path)
    centre.url = centre.url.replace("http", "https")
    try:
        with pytest.raises(CentreUnavailable, match="no TLS is spoken there"):
            health(centre, CentralSettings(ca_file=str(authority.file)))
    finally:
        centre.stop()


def test_files_that_cannot_be_used_are_named(authority: Authority, stranger: Authority, tmp_path: Path) -> None:
    """At the start, not at the first sale."""
    certificate, key = authority.issue("till-1", client=True)
    _, other_key = stranger.issue("till-2", client=True)
    for wrong, words in (
        ({"certificate": str(tmp_path / "none.pem")}, "central.client_certificate"),
        ({"certificate": str(certificate), "key": str(other_key)}, "belong together"),
        ({"key": str(key)}, "without central.client_certificate"),
    ):
        with pytest.raises(SettingsError, match=words):
            tls_context(**wrong)
    with pytest.raises(SettingsError, match=r"central\.ca_file"):
        tls_context(str(key))
    for tls in (
        ServerTls(certificate=tmp_path / "none.pem"),
        ServerTls(certificate=certificate, key=other_key),
        ServerTls(certificate=certificate, key=key, client_ca=tmp_path / "none.pem"),
    ):
        with pytest.raises(CentralStartError, match="PEM"):
            tls.check()

"""TLS to the centre: whom we trust, how we show who we are, and what went wrong in words a shop can act on."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from drivers.vocabulary.errors import SettingsError

if TYPE_CHECKING:
    from agent.settings import CentralSettings

__all__ = ["CLOSED", "tls_context", "tls_of", "tls_trouble"]

#: OpenSSL's verify results (openssl/x509_vfy.h) → what to say and do.
_VERIFY: Final = {
    9: "the centre's certificate is not valid yet; check this till's clock",
    10: "the centre's certificate has expired; renew it at the centre, or check this till's clock",
    23: "the centre's certificate was revoked; ask the centre's operator",
    62: "the centre's certificate is for another name than this address; use the name that is in it",
    64: "the centre's certificate is for another name than this address; use the name that is in it",
}
_UNTRUSTED: Final = (
    "the centre's certificate comes from an authority this till does not trust; "
    "set central.ca_file to that authority's PEM file, or find out who answers there"
)

#: OpenSSL's reasons for an alert of the other side (openssl/sslerr.h).
_ALERTS: Final = {
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": (
        "the centre wants a client certificate; set central.client_certificate and central.client_key"
    ),
    "TLSV1_ALERT_UNKNOWN_CA": (
        "the centre does not trust the authority of this till's client certificate; get one from the centre's authority"
    ),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "this till's client certificate has expired; put a new one in its place",
    "SSLV3_ALERT_CERTIFICATE_REVOKED": "this till's client certificate was revoked; put a new one in its place",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the centre does not accept this till's client certificate; ask for another one",
    "WRONG_VERSION_NUMBER": "no TLS is spoken there; check the port, and whether the address begins with https",
}


#: What a server says with a closed line when its library loses the alert, as asyncio's does.
CLOSED: Final = (
    "the centre closed the line right after the handshake: it may want a client certificate "
    "(central.client_certificate) of an authority it trusts"
)


def tls_context(ca_file: str = "", *, certificate: str = "", key: str = "") -> ssl.SSLContext:
    """Whom we trust and who we are; made once and shared by every client (22 ms each).

    Args:
        ca_file: PEM file: only its authorities are trusted, and not the machine's. "" trusts the machine's.
        certificate: PEM file of this till's client certificate, with its chain; "" for none.
        key: PEM file of its private key, without a password; "" when it is in the certificate's file.

    Raises:
        SettingsError: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"cannot use central.ca_file {ca_file}: {error}; give a PEM file") from None
    if key and not certificate:
        raise SettingsError("central.client_key is set without central.client_certificate; set both or none")
    if certificate:
        _require_in_date(certificate)
        try:
            # A password would be asked for on a terminal that a service has not: an empty one fails in words instead.
            context.load_cert_chain(certificate, key or None, password="")
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(
                f"cannot use central.client_certificate {certificate} with its key: {_reason(error)}; "
                "give PEM files that belong together, the key without a password"
            ) from None
    return context


def tls_of(settings: CentralSettings) -> ssl.SSLContext:
    """As the table ``[central]`` says; raises SettingsError."""
    return tls_context(settings.ca_file, certificate=settings.client_certificate, key=settings.client_key)


def tls_trouble(error: BaseException) -> str:
    """What went wrong with TLS, in words, when that is what is behind an error; "" when it is something else."""
    seen: BaseException | None = error
    for _ in range(8):  # the library wraps it two or three times
        if isinstance(seen, ssl.SSLCertVerificationError):
            return _VERIFY.get(seen.verify_code, _UNTRUSTED)
        if isinstance(seen, ssl.SSLError):
            return _ALERTS.get(seen.reason or "", f"TLS failed ({seen.reason or seen})")
        if seen is None:
            return ""
        seen = seen.__cause__ or seen.__context__
    return ""


def _require_in_date(certificate: str) -> None:
    """Say here what the centre would only answer with a closed line."""
    from cryptography.x509 import load_pem_x509_certificate

    try:
        ends = load_pem_x509_certificate(Path(certificate).read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return  # said better by whoever loads it
    if ends <= datetime.now(UTC):
        raise SettingsError(
            f"central.client_certificate {certificate} has expired on {ends:%Y-%m-%d}; put a new one in its place"
        )


def _reason(error: OSError) -> str:
    return (error.reason if isinstance(error, ssl.SSLError) else error.strerror) or str(error)

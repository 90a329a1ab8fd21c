"""Enrolment: a one-time code or a store's secret becomes this till's identity file; and later, another key for it."""

from __future__ import annotations

import ipaddress
import platform
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from agent.sync.client import CentreClient, own_version
from agent.sync.errors import CentreRefused, CentreUnavailable, IdentityError
from agent.sync.identity import Identity, load, save
from agent.sync.keeper import IdentityKeeper
from agent.sync.keys import Renewal, new_till_key
from agent.sync.line import Line
from agent.sync.link import Link
from agent.sync.tls import tls_context
from drivers.vocabulary import codec, proof
from drivers.vocabulary.centre import EnrolAnswer, EnrolRequest
from drivers.vocabulary.store_enrol import SECRET_CHARS_MAX, SECRET_CHARS_MIN, StoreEnrolRequest

if TYPE_CHECKING:
    import httpx

__all__ = ["check_address", "enrol", "enrol_with_secret", "renew_key"]

DEADLINE_S: Final = 30.0  # a person waits for it


def enrol(
    url: str,
    code: str,
    folder: Path,
    *,
    proxy: str = "",
    tls: ssl.SSLContext | None = None,
    plain_http: bool = False,
    transport: httpx.BaseTransport | None = None,
) -> Identity:
    """Ask the centre at `url` for an identity and write it into the state folder; the till's own key is made here.

    Repeating it after a lost answer is harmless: the code works again from the same machine.

    Args:
        url: ``https://centre.example``; http only to this machine, or when `plain_http` allows it.
        code: as the centre's operator read it out.
        folder: the state folder.
        proxy: the shop's, "" for none.
        tls: whom to trust and who we are; None trusts the machine's authorities.
        plain_http: the token may travel unencrypted (a centre in the shop's own network).
        transport: instead of sockets, for tests.

    Raises:
        IdentityError: the address or the code cannot be used, or the file cannot be written.
        CentreUnavailable: no answer.
    """
    address = check_address(url, plain_http=plain_http)
    code = code.strip()
    if not 4 <= len(code) <= 80:
        raise IdentityError(f"a code has 4 to 80 characters, not {len(code)}; copy it whole")
    line = Line(address, tls=tls if tls is not None else tls_context(), proxy=proxy, transport=transport)
    till_key = new_till_key()
    request = EnrolRequest(code=code, machine=platform.node()[:80], public_key=proof.public_key(till_key))
    try:
        identity = _asked(line, address, "/v1/enrol", codec.encode(request), till_key)
    except CentreRefused as refused:
        raise IdentityError(f"the centre did not take the code: {refused}") from None
    finally:
        line.close()
    save(folder, identity)
    return identity


def enrol_with_secret(
    url: str,
    secret: str,
    folder: Path,
    *,
    till_key: str,
    till: str = "",
    replaces: str = "",
    proxy: str = "",
    tls: ssl.SSLContext | None = None,
    plain_http: bool = False,
    transport: httpx.BaseTransport | None = None,
) -> Identity:
    """Become a till of the secret's shop, or take the place of a dead one, and write it into the state folder.

    Repeating it with the same key after a lost answer gives the same till.

    Args:
        url: as for `enrol`.
        secret: of the store (`tillpoint central enrol-secret new`).
        folder: the state folder.
        till_key: seed of this machine's own key; kept by the caller until an identity came.
        till: the name it would like; "" is numbered by the centre.
        replaces: the dead till whose place it takes.
        proxy: as for `enrol`.
        tls: as for `enrol`.
        plain_http: as for `enrol`.
        transport: as for `enrol`.

    Raises:
        IdentityError: the address cannot be used, the centre said no, or the file cannot be written.
        CentreUnavailable: no answer, or not now.
    """
    address = check_address(url, plain_http=plain_http)
    secret = secret.strip()
    if not SECRET_CHARS_MIN <= len(secret) <= SECRET_CHARS_MAX:
        raise IdentityError(f"a store's secret has {SECRET_CHARS_MIN} characters or more, not {len(secret)}")
    machine, public = platform.node()[:80], proof.public_key(till_key)
    request = StoreEnrolRequest(
        secret=secret,
        machine=machine,
        public_key=public,
        proof=proof.sign(till_key, proof.enrol_statement(machine=machine, public=public)),
        till=till,
        replaces=replaces,
    )
    line = Line(address, tls=tls if tls is not None else tls_context(), proxy=proxy, transport=transport)
    try:
        identity = _asked(line, address, "/v1/enrol/store", codec.encode(request), till_key)
    except CentreRefused as refused:
        if refused.problem.code in {"no_such_route", "method_not_allowed"}:
            raise IdentityError("this centre knows no secrets of stores; enrol with a one-time code") from None
        raise IdentityError(f"the centre did not take the store's secret: {refused}") from None
    finally:
        line.close()
    save(folder, identity)
    return identity


def _asked(line: Line, address: str, path: str, body: bytes, till_key: str) -> Identity:
    """The identity the centre gives for a request."""
    try:
        answer = codec.decode(line.ask("POST", path, deadline_s=DEADLINE_S, body=body), EnrolAnswer)
        fields = {name: getattr(answer, name) for name in EnrolAnswer.__struct_fields__}
        # Built from an answer we do not control: checked as the file will be when it is read.
        return codec.decode(codec.encode(Identity(url=address, till_key=till_key, **fields)), Identity)
    except codec.WireError as error:
        raise CentreUnavailable(
            f"the answer of {address} cannot be read: {error}; is this a Tillpoint centre?"
        ) from None


def renew_key(
    folder: Path,
    *,
    proxy: str = "",
    tls: ssl.SSLContext | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Identity:
    """Make this till another key; the present one vouches for it. A till without a key gets its first.

    Repeating it after a lost answer is harmless: the key that was made is kept until the centre has it. A running agent
    takes it by itself.

    Raises:
        IdentityError: the till is not enrolled, the file cannot be written, or the centre refuses.
        CentreUnavailable: no answer.
    """
    keeper = IdentityKeeper(folder, load(folder))
    line = Line(keeper.current.url, tls=tls if tls is not None else tls_context(), proxy=proxy, transport=transport)
    try:
        if keeper.current.till_key and not keeper.current.till_key_next:
            keeper.change(till_key_next=new_till_key())
        client = CentreClient(line, lambda: keeper.current, version=own_version(), look_again=keeper.look_again)
        Renewal(keeper, Link(lambda *_: None), lambda _: None).ask_plainly(client)
    except CentreRefused as refused:
        raise IdentityError(f"the centre did not take the new key: {refused}") from None
    finally:
        line.close()
    return keeper.current


def check_address(url: str, *, plain_http: bool) -> str:
    """The centre's address without a slash at its end; raises IdentityError for one that cannot be used."""
    parts = urlsplit(url.strip())
    has_blanks = any(letter.isspace() for letter in url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment or has_blanks:
        raise IdentityError(f"{url!r} is not a centre's address; write https://centre.example")
    if parts.username is not None or parts.password is not None:
        raise IdentityError("the address must not hold a password; enrolment gives the till its own token")
    if parts.scheme == "http" and not plain_http and not _is_loopback(parts.hostname):
        raise IdentityError(
            f"http to {parts.hostname} would send the token in clear; use https, or --plain-http in a closed network",
        )
    return url.strip().rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

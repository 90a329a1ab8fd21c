"""An enrolment that is still to be made: what to show to which centre, kept until it was made and then erased.

It is there when the centre did not answer at the set-up, and on an image from which many machines are made: then the
machine it was written on does not enrol, each of the others does (`not_on`). Nothing in it says who this till is.
"""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from agent.machine import machine_id
from agent.secrets.files import SecretError, read_private, write_private
from agent.sync.enrol import enrol, enrol_with_secret
from agent.sync.errors import CentreUnavailable, IdentityError
from agent.sync.identity import Identity
from agent.sync.keys import new_till_key
from drivers.vocabulary import codec

if TYPE_CHECKING:
    import httpx

__all__ = ["FILE_NAME", "NotThisMachine", "Pending", "enrol_pending", "erase", "keep", "pending_in"]

FILE_NAME: Final = "enrolment.json"
BYTES_MAX: Final = 16_384  # ours have five hundred

Text = Annotated[str, Meta(max_length=400)]


class NotThisMachine(IdentityError):  # noqa: N818 - a state, named as the field names it
    """The enrolment is for the copies of this machine, not for itself."""


class Pending(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is to be shown, and to whom.

    Attributes:
        url: the centre's address.
        code: a one-time code, or "".
        secret: a store's secret, or "".
        till: the name it would like, with a secret.
        replaces: the dead till whose place it takes, with a secret.
        plain_http: an unencrypted line is allowed.
        not_on: id of the machine that is an image; "" enrols on whichever machine this is.
        till_key: this machine's own key, from the first try on: a lost answer may then be asked for again.
    """

    format: Literal[1] = 1
    url: Annotated[str, Meta(min_length=8, max_length=400)]
    code: Text = ""
    secret: Text = ""
    till: Text = ""
    replaces: Text = ""
    plain_http: bool = False
    not_on: Text = ""
    till_key: Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?$")] = ""

    def __repr__(self) -> str:
        return f"Pending(url={self.url!r}, till={self.till!r}, replaces={self.replaces!r})"


def pending_in(folder: Path) -> Pending | None:
    """What is to be enrolled, or None.

    Raises:
        IdentityError: the file cannot be read or is damaged.
    """
    path = folder / FILE_NAME
    try:
        data = read_private(path, bytes_max=BYTES_MAX)
    except FileNotFoundError:
        return None
    except SecretError as error:
        raise IdentityError(str(error)) from None
    try:
        return codec.decode(data, Pending)
    except codec.WireError as error:
        raise IdentityError(f"{path} is damaged ({error}); run tillpoint setup again") from None


def keep(folder: Path, pending: Pending) -> None:
    """Write it down for later; raises IdentityError."""
    try:
        write_private(folder / FILE_NAME, codec.encode(replace(pending, format=1)))
    except SecretError as error:
        raise IdentityError(str(error)) from None


def erase(path: Path) -> None:
    """Write zeros over a file with a secret and take it away; one that is not there is no error.

    Raises:
        IdentityError: it cannot be removed; the sentence names it.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            size = path.stat().st_size
            with path.open("r+b") as file:
                file.write(b"\0" * size)
                file.flush()
            path.unlink()
    except OSError as error:
        raise IdentityError(f"cannot remove {path}: {error.strerror}; a secret is in it, remove it yourself") from None


def enrol_pending(
    folder: Path,
    *,
    proxy: str = "",
    tls: ssl.SSLContext | None = None,
    here: str | None = None,
    transport: httpx.BaseTransport | None = None,
) -> Identity | None:
    """Make the enrolment that is to be made, and erase what it was made with; None when there is none.

    Args:
        folder: the state folder.
        proxy: the shop's, "" for none.
        tls: whom to trust and who we are.
        here: this machine's id; None asks the system.
        transport: instead of sockets, for tests.

    Raises:
        NotThisMachine: this machine is the image.
        IdentityError: the centre refuses, or a file cannot be used.
        CentreUnavailable: no answer; try again.
    """
    pending = pending_in(folder)
    if pending is None:
        return None
    if pending.not_on and pending.not_on == (machine_id() if here is None else here):
        raise NotThisMachine(
            "this machine is the image: its copies enrol themselves. A copy that says so has the image's machine id: "
            "give it one of its own (Windows: sysprep; Linux: an empty /etc/machine-id in the image), or run "
            "tillpoint enrol --now"
        )
    if pending.secret:
        if not pending.till_key:
            pending = replace(pending, till_key=new_till_key())
            keep(folder, pending)
        try:
            identity = enrol_with_secret(
                pending.url,
                pending.secret,
                folder,
                till_key=pending.till_key,
                till=pending.till,
                replaces=pending.replaces,
                proxy=proxy,
                tls=tls,
                plain_http=pending.plain_http,
                transport=transport,
            )
        except (CentreUnavailable, NotThisMachine):
            raise
        except IdentityError:
            # It may have been our key that was not wanted: the next try is another machine's.
            keep(folder, replace(pending, till_key=""))
            raise
    else:
        identity = enrol(
            pending.url,
            pending.code,
            folder,
            proxy=proxy,
            tls=tls,
            plain_http=pending.plain_http,
            transport=transport,
        )
    erase(folder / FILE_NAME)
    return identity

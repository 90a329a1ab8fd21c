"""Who may do what in the data folder of Windows: access lists as text (SDDL), and a service's own account; pure.

| folder | SYSTEM, administrators | the service | others |
|---|---|---|---|
| the data folder: config.toml | everything | read | nothing |
| state, log | everything | change | nothing |
| panel | everything | change | read |

The service may not write its own settings: `updates.root_keys` in them says whose versions are installed by SYSTEM.

Sources: Microsoft, "Security Descriptor String Format", "ACE Strings", "SID Strings"; a service's SID is S-1-5-80 and
the five words of the SHA-1 of its name in capitals, UTF-16LE.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Final

__all__ = ["ADMINISTRATORS", "EVERYBODYS", "SYSTEM", "TRUSTED", "account_sid", "sddl", "service_sid", "updater_sddl"]

SYSTEM: Final = "S-1-5-18"
LOCAL_SERVICE: Final = "S-1-5-19"
NETWORK_SERVICE: Final = "S-1-5-20"
ADMINISTRATORS: Final = "S-1-5-32-544"
EVERYBODYS: Final = "S-1-5-32-545"  # the group Users
TRUSTED_INSTALLER: Final = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
#: Whoever can act as one of these owns the machine anyway.
TRUSTED: Final = frozenset({SYSTEM, ADMINISTRATORS, TRUSTED_INSTALLER})

_BUILT_IN: Final = {
    "localsystem": SYSTEM,
    "nt authority\\system": SYSTEM,
    "nt authority\\localservice": LOCAL_SERVICE,
    "nt authority\\networkservice": NETWORK_SERVICE,
}
_FULL: Final = "FA"
_READ: Final = "0x1200a9"  # read and execute
_CHANGE: Final = "0x1301bf"  # read, write, execute, delete; neither owner nor access list
_INHERITED: Final = "OICI"  # by folders and files in it
#: Of a service: query its state, start it, ask it (winsvc.h: QUERY_STATUS | START | INTERROGATE).
_START: Final = "0x94"
#: What services have by default (`sc sdshow` of a new one): SYSTEM, administrators, interactive users, services.
_SERVICE_DEFAULT: Final = (
    "D:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;CCLCSWLOCRRC;;;IU)(A;;CCLCSWLOCRRC;;;SU)"
)


def service_sid(name: str) -> str:
    """The SID of the account that a service has for itself (in the domain NT SERVICE)."""
    words = struct.unpack("<5I", hashlib.sha1(name.upper().encode("utf-16-le")).digest())  # noqa: S324 - Windows' own rule
    return "-".join(["S-1-5-80", *map(str, words)])


def account_sid(account: str, service: str) -> str:
    """The SID by which a service running as `account` is let in; every service has its own beside its account's."""
    return _BUILT_IN.get(account.lower(), service_sid(service))


def sddl(kind: str, service: str) -> str:
    """The access list of a folder, cut off from what lies above it: ``root``, ``state`` or ``panel``.

    Args:
        kind: which of them.
        service: SID of the service's account.
    """
    rows = [(SYSTEM, _FULL), (ADMINISTRATORS, _FULL)]
    if service != SYSTEM:
        rows.append((service, _READ if kind == "root" else _CHANGE))
    if kind == "panel":
        rows.append((EVERYBODYS, _READ))
    entries = "".join(f"(A;{_INHERITED};{right};;;{who})" for who, right in rows)
    return f"O:{ADMINISTRATORS}D:PAI{entries}"


def updater_sddl(service: str) -> str:
    """The access list of the updater's service: as by default, and the agent's account may start it."""
    return f"{_SERVICE_DEFAULT}(A;;{_START};;;{service})"

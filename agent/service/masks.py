"""What looks like a phone, a card, a key or an address in a text is replaced; the second lock of logs and bundles.

The first lock is that nobody writes such a thing there. But a library's exception may quote what it was given, and a
device's name may have been typed by anybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

__all__ = ["masked", "without_secrets"]

_MASKS: Final = (
    re.compile(r"\+\d[\d ()-]{6,}\d"),  # a phone as people write it
    re.compile(r"(?<![\dA-Za-z])\d{7,}(?![\dA-Za-z])"),  # a phone, a card, a certificate
    re.compile(r"(?<![\dA-Za-z])(?:tp_)?[0-9A-Fa-f]{24,}(?![\dA-Za-z])"),  # a key, a token
    re.compile(r"(?i)bearer +\S+"),
    re.compile(r"(?<=://)[^\s/@]+(?=@)"),  # a name and a password before a host
    re.compile(r"(?<![\w.])[\w.+-]+@[\w-]+\.[\w.]+"),  # a mail address
    re.compile(r"(?<!\w)TP[A-Z]?\d\.[\w.-]{8,}"),  # a signed code of ours
    re.compile(r"(?i)\b(?:ticket|token|password|secret)=[^\s&\"']+"),  # in an address, in a connection string
)


def masked(text: str) -> str:
    """The text with what looks like a phone, a card, a key or an address replaced by as many signs."""
    for pattern in _MASKS:
        text = pattern.sub(lambda match: "#" * len(match[0]), text)
    return text


_SECRET_KEY: Final = re.compile(r"(^|_)(password|secret|token|pin|key|keys)($|_)", re.IGNORECASE)
#: A path, a key of the keyboard, and what everybody may know.
_PUBLIC_KEYS: Final = frozenset({"client_key", "hot_key", "trusted_keys", "root_keys", "revoked_keys", "qr_keys"})
_LOGIN: Final = re.compile(r"(?<=://)[^\s/@]+@")


def without_secrets(tree: Any) -> Any:
    """Settings without what is under a key that sounds like a secret, and without passwords in addresses."""
    if isinstance(tree, Mapping):
        return {
            key: "***" if value and _SECRET_KEY.search(key) and key not in _PUBLIC_KEYS else without_secrets(value)
            for key, value in tree.items()
        }
    if isinstance(tree, list | tuple):
        return [without_secrets(one) for one in tree]
    return _LOGIN.sub("", tree) if isinstance(tree, str) else tree

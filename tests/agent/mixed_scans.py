"""What a shop scans in a day, mixed by a seed: products, weighed goods, marking codes, cards, app codes, swipes."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass

from drivers.vocabulary.card_qr import card_qr_text
from drivers.vocabulary.check_digits import ean13_ok, luhn_ok
from drivers.vocabulary.customer import IdentifierKind

SERIAL_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz0123456789!&%*+-./_"


@dataclass(frozen=True)
class Scan:
    """One scan, and whose it must turn out to be: "ours", "pos" or "both"."""

    kind: str
    code: str
    symbology: str
    whose: str


def mixed_scans(count: int, *, seed: int = 6) -> list[Scan]:
    """So many scans; a third each of products, of other goods, and of what is for us, as on a busy evening."""
    rng = random.Random(seed)
    makers = [
        _product,
        _product,
        _product,
        _weighed,
        _marked,
        _marked,
        _tobacco,
        _card,
        _card,
        _app,
        _signed,
        _track,
        _bank,
        _receipt,
    ]
    return [rng.choice(makers)(rng) for _ in range(count)]


def _check(digits: str) -> str:
    return next(digits + last for last in "0123456789" if ean13_ok(digits + last))


def _digits(rng: random.Random, count: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(count))


def _product(rng: random.Random) -> Scan:
    return Scan("product", _ean(rng), "]E0", "pos")


def _ean(rng: random.Random) -> str:
    prefix = rng.choice(["460", "400", "590", "885", "978"])
    return _check(prefix + _digits(rng, 9))


def _weighed(rng: random.Random) -> Scan:
    return Scan("weighed", _check("2" + rng.choice("12345678") + _digits(rng, 10)), "]E0", "pos")


def _marked(rng: random.Random) -> Scan:
    serial = "".join(rng.choice(SERIAL_LETTERS) for _ in range(13))
    tail = base64.b64encode(rng.randbytes(33)).decode()
    end = rng.choice([f"\x1d93{tail[:4]}", f"\x1d91EE06\x1d92{tail}"])
    return Scan("marking", f"010{_ean(rng)}21{serial}{end}", rng.choice(["]d2", "]d2", ""]), "pos")


def _tobacco(rng: random.Random) -> Scan:
    body = "".join(rng.choice("ABCDEFabcdef!%") for _ in range(11))
    return Scan("tobacco", f"0{_ean(rng)}{body}{rng.choice(['', 'x1y2'])}", rng.choice(["]d1", ""]), "pos")


def _card(rng: random.Random) -> Scan:
    return Scan("card", _check(rng.choice(["20", "29"]) + _digits(rng, 10)), "]E0", "ours")


def _app(rng: random.Random) -> Scan:
    return Scan("app", f"TP1:CARD-{_digits(rng, rng.randint(2, 12))}", "]Q1", "ours")


def _signed(rng: random.Random) -> Scan:
    code = card_qr_text(
        kind=IdentifierKind.CARD, value=_card(rng).code, since_s=1_772_442_000, until_s=1_772_442_060,
        once=_digits(rng, 8), seed=bytes(range(32)),
    )  # fmt: skip
    return Scan("signed", code, "]Q1", "ours")


def _track(rng: random.Random) -> Scan:
    return Scan("track", f";{rng.choice(['7', '8'])}{_digits(rng, 8)}?", "", "ours")


def _bank(rng: random.Random) -> Scan:
    number = next(one for last in "0123456789" if luhn_ok(one := "424242" + "000000000" + last))
    return Scan("bank", f";{number}=3001{_digits(rng, 12)}?", "", "pos")


def _receipt(rng: random.Random) -> Scan:
    document, sign = rng.randint(1, 90_000), rng.randint(1, 4_000_000_000)
    code = f"t=20260302T12{rng.randint(10, 59)}&s={rng.randint(1, 9_999)}.{_digits(rng, 2)}&fn=9999078900004792&i={document}&fp={sign}&n=1"
    return Scan("receipt", code, "]Q1", "both")

"""МойСклад's counterparties as customers of ours: who they are, how they join, codes to their phones."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from typing import Final

from drivers.tills.clouds import CentreCheckout
from drivers.tills.contract import DoorContext, HttpReply
from drivers.tills.moysklad import wire
from drivers.tills.moysklad.answers import REFUSED, Turn, error, reply
from drivers.tills.moysklad.settings import MoySkladSettings
from drivers.vocabulary import checkout as contract
from drivers.vocabulary.joining import ConsentChannel, ConsentGiven, mask_phone
from drivers.vocabulary.phones import normalise

__all__ = ["People"]

CODE_WINDOW_S: Final = 600  # the same code within it: a repeated request sends no second one
CODE_DIGITS: Final = 6
REPEAT_S: Final = 60
MESSAGE_MAX: Final = 140  # of messageForCashier


class People:
    """Answers about counterparties; stateless, as the door is."""

    def __init__(self, settings: MoySkladSettings, context: DoorContext) -> None:
        self._settings = settings
        self._context = context

    def register(self, turn: Turn) -> HttpReply:
        """A counterparty was made in the account."""
        person = wire.read(turn.told, wire.Counterparty)
        known = self.who(turn, person)
        if known is not None or not self._settings.consent_purpose:
            return HttpReply(status=201)
        if not person.phone:
            return error(412, REFUSED, "Нужен телефон", "a customer joins with a phone number", parameter="phone")
        if self._settings.ask_code and person.status_check == "UNCHECKED":
            return error(
                412,
                wire.CODE_WANTED,
                "Необходимо подтверждение создания покупателя.",
                "Покупатель должен подтвердить свои данные через код.",
            )
        channel = ConsentChannel.CODE if person.status_check == "CHECKED" else ConsentChannel.CASHIER
        consent = ConsentGiven(
            purpose=self._settings.consent_purpose, text_version=self._settings.consent_version, channel=channel
        )
        joined = turn.checkout.enrol(
            contract.EnrolCustomerRequest(phone=person.phone[:32], name=person.full_name, consents=(consent,)),
            timeout_s=turn.timeout_s,
        )
        self._remember(turn, person, joined.customer_id)
        return HttpReply(status=201)

    def search(self, turn: Turn) -> HttpReply:
        """At most one row: nobody can list the chain's customers by typing."""
        search = turn.request.query.get("search", "").strip()
        if not search:
            return reply({"rows": []})
        found = turn.checkout.identify(contract.IdentifyRequest(code=search[:200]), timeout_s=turn.timeout_s)
        if found.customer is None:
            return reply({"rows": []})
        name = str(uuid.uuid5(uuid.NAMESPACE_URL, f"tillpoint:customer:{found.customer.id}"))
        if isinstance(turn.checkout, CentreCheckout):
            turn.checkout.remember_person(name, found.customer.id, timeout_s=turn.timeout_s)
        row = {"id": name, "name": found.customer.name or found.customer.phone or found.mask}
        phone = normalise(search, self._context.region)
        return reply({"rows": [row | ({"phone": phone} if phone else {"discountCardNumber": search})]})

    def detail(self, turn: Turn) -> HttpReply:
        """What a customer has."""
        customer = self.who(turn, wire.read(turn.told, wire.Counterparty))
        return reply({"bonusProgram": {"agentBonusBalance": self.balance(turn, customer)}})

    def verify_joining(self, turn: Turn) -> HttpReply:
        """A code for somebody who joins."""
        return self._send_code(turn, wire.read(turn.told, wire.Counterparty).phone or "", "join")

    def verify_spending(self, turn: Turn) -> HttpReply:
        """A code for somebody who pays with points."""
        return self._send_code(turn, wire.read(turn.told, wire.VerifySpending).phone, "spend")

    def _send_code(self, turn: Turn, told: str, purpose: str) -> HttpReply:
        """The app is told the code and compares it with what the customer reads out: so the protocol wants it."""
        phone = normalise(told, self._context.region)
        if phone is None:
            return error(412, REFUSED, "Нужен телефон", "this is no phone number", parameter="phone")
        window = int(turn.now.timestamp()) // CODE_WINDOW_S
        digest = hmac.digest(self._context.key.encode(), f"{purpose}|{phone}|{window}".encode(), hashlib.sha256)
        code = f"{int.from_bytes(digest[:8]) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"
        told_cashier = f"Код отправлен на номер {mask_phone(phone)}"[:MESSAGE_MAX]
        body = {"verificationCode": code, "timeForRepeat": REPEAT_S, "messageForCashier": told_cashier}
        return HttpReply(body=wire.encode(body), code_to=phone, code=code)

    def who(self, turn: Turn, person: wire.Counterparty | None) -> str | None:
        """Which customer of ours this counterparty is: by their name for them, by phone, by card."""
        if person is None:
            return None
        checkout = turn.checkout
        if isinstance(checkout, CentreCheckout):
            for name in person.names:
                known = checkout.person_of(name, timeout_s=turn.timeout_s)
                if known is not None:
                    return known
        for code in (person.phone, person.discount_card_number):
            if not code or not code.strip():
                continue
            found = checkout.identify(contract.IdentifyRequest(code=code[:200]), timeout_s=turn.timeout_s)
            if found.customer is not None:
                self._remember(turn, person, found.customer.id)
                return found.customer.id
        return None

    def _remember(self, turn: Turn, person: wire.Counterparty, customer_id: str) -> None:
        if isinstance(turn.checkout, CentreCheckout):
            for name in person.names:
                turn.checkout.remember_person(name, customer_id, timeout_s=turn.timeout_s)

    def balance(self, turn: Turn, customer_id: str | None, receipt_uid: str | None = None) -> int:
        """Points to spend; what this basket keeps counts."""
        if customer_id is None:
            return 0
        asked = contract.IdentifyRequest(customer_id=customer_id, receipt_uid=receipt_uid)
        found = turn.checkout.identify(asked, timeout_s=turn.timeout_s)
        return next((one.available for one in found.balances if one.unit == self._settings.unit), 0)

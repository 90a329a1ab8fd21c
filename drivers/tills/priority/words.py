"""What the POS's screen shows, in Russian and in English."""

from __future__ import annotations

from typing import Final

from drivers.vocabulary.errors import CheckoutRefused

__all__ = ["of_refusal", "say"]

_RU: Final = {
    "client": "Клиент: {name}",
    "spendable": "Можно оплатить бонусами: {amount}",
    "balance": "Бонусов: {points}",
    "no_client": "Клиент не указан: сначала карта или телефон",
    "not_found": "Клиент не найден: {mask}",
    "blocked": "Клиент заблокирован: {mask}",
    "not_loyalty": "Это не карта и не телефон клиента",
    "expired": "Код из приложения устарел, нужен новый",
    "partner": "Карта партнёра «{title}» принята",
    "not_taking_part": "Карты этого партнёра здесь не принимаются",
    "too_much": "Бонусами можно оплатить не больше {amount}",
    "difference": "Чек отличается от расчёта на {amount}; баллы посчитаны по чеку",
    "late_points": "Оплата бонусами {amount} здесь не разрешалась; проверьте чек {number}",
    "code_sent": "Код отправлен на {mask}: спросите его и повторите оплату с кодом",
    "code_sending": "Код отправляется клиенту: спросите его и повторите оплату с кодом",
    "code_wrong": "Код не тот; попыток осталось: {left}",
    "code_over": "Этот код больше не действует: повторите оплату без кода, придёт новый",
    "code_none": "Код сейчас не отправить: бонусы спишем по карте",
    "form": "Новый участник",
    "phone": "Телефон",
    "name": "Имя",
    "yes": "Да",
    "no": "Нет",
    "consent_loyalty": "Согласие на участие в программе и обработку данных",
    "consent_messages": "Согласие на сообщения о предложениях",
    "consent_needed": "Без согласия вступить нельзя: {text}",
    "bad_phone": "Это не номер телефона: {mask}",
    "joined": "Клиент добавлен: {mask}",
    "known": "Такой клиент уже есть: {mask}",
    "bad_key": "Неверный ключ доступа: сравните его с ключом агента (tillpoint tills)",
    "bad_request": "Запрос не понят: {error}",
    "no_such": "Такого запроса здесь нет: {what}",
    "different_body": "Чек с этим номером уже закрыт с другим содержанием",
    "already_closed": "Этот чек уже закрыт",
    "more_than_sold": "Возврат больше, чем осталось от продажи",
    "wrong_money": "Валюта чека не та, что у кассы",
    "cannot_seal": "Касса ещё не получила ключи от центра; добавьте клиента позже",
    "no_phone": "Это не номер телефона",
    "unknown_customer": "Этот клиент здесь ещё не известен",
    "timeout": "Нет ответа вовремя; продажа продолжается",
    "not_recorded": "Не записано; продажа продолжается",
}
_EN: Final = {
    "client": "Customer: {name}",
    "spendable": "May be paid with points: {amount}",
    "balance": "Points: {points}",
    "no_client": "No customer yet: card or phone first",
    "not_found": "No such customer: {mask}",
    "blocked": "This customer is blocked: {mask}",
    "not_loyalty": "This is no customer's card or phone",
    "expired": "The app's code is over, show a fresh one",
    "partner": 'The card of partner "{title}" counts',
    "not_taking_part": "Cards of this partner do not count here",
    "too_much": "Points can pay at most {amount}",
    "difference": "The receipt differs from the calculation by {amount}; points go by the receipt",
    "late_points": "{amount} of points were not granted here; look at receipt {number}",
    "code_sent": "A code went to {mask}: ask for it and repeat the payment with it",
    "code_sending": "A code is on its way to the customer: ask for it and repeat the payment with it",
    "code_wrong": "This is not the code; tries left: {left}",
    "code_over": "This code is over: repeat the payment without a code, a new one comes",
    "code_none": "No code can be sent now: points are spent with the card",
    "form": "New member",
    "phone": "Phone",
    "name": "Name",
    "yes": "Yes",
    "no": "No",
    "consent_loyalty": "Agrees to membership and to the use of personal data for it",
    "consent_messages": "Agrees to messages about offers",
    "consent_needed": "Nobody can join without this: {text}",
    "bad_phone": "This is no phone number: {mask}",
    "joined": "Customer added: {mask}",
    "known": "This customer is known already: {mask}",
    "bad_key": "Wrong access key: compare it with the agent's (tillpoint tills)",
    "bad_request": "The request cannot be read: {error}",
    "no_such": "There is no such request here: {what}",
}
_WORDS: Final = {"ru": _RU, "en": _EN}


def say(language: str, word: str, **values: str) -> str:
    """A sentence of the catalogue."""
    return _WORDS[language][word].format(**values)


def of_refusal(language: str, refused: CheckoutRefused) -> str:
    """A refusal by the till; one without words of its own is told as it came."""
    return _WORDS[language].get(refused.code) or str(refused)

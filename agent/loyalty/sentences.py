"""What explanations and hints say, by their codes, in English, Russian and Thai; words only."""

from __future__ import annotations

from typing import Final

from agent.loyalty.explain_personal import PERSONAL_CODES, PERSONAL_HINTS

__all__ = ["CODES", "COUNTED", "HINTS", "NOUNS", "NUMBERS", "REWARDS", "TAILS"]

#: Code → the sentence in each language; `{name}` stands for a value of the explanation.
CODES: Final[dict[str, tuple[str, str, str]]] = {
    **PERSONAL_CODES,
    "applied": ("{amount} off", "скидка {amount}", "ลด {amount}"),
    "set_applied": ("{amount} off, sets: {sets}", "скидка {amount}, наборов: {sets}", "ลด {amount} จำนวนชุด {sets}"),
    "sets_ranked": (
        "{rules} offers want the same goods: up to {most} are tried in every order, of more the largest goes first",
        "на одни товары {rules} предложений: до {most} сравниваются в любом порядке, больше - начиная с выгоднейшего",
        "มี {rules} ข้อเสนอสำหรับสินค้าเดียวกัน ลองทุกลำดับได้ไม่เกิน {most} เกินกว่านั้นเริ่มจากที่คุ้มที่สุด",
    ),
    "points_spent": (
        "{points} {unit} spent, worth {worth}",
        "списано {points} {unit} на {worth}",
        "ใช้ {points} {unit} มูลค่า {worth}",
    ),
    "points_earned": ("{points} {unit} earned", "начислено {points} {unit}", "ได้รับ {points} {unit}"),
    "multiplied": ("{unit} times {factor}", "{unit} × {factor}", "{unit} × {factor}"),
    "tier_reached": ("new level: {tier}", "новый уровень: {tier}", "ระดับใหม่: {tier}"),
    "no_customer": (
        "the customer is not identified",
        "покупатель не назвал карту или телефон",
        "ยังไม่ได้ระบุตัวลูกค้า",
    ),
    "only_anonymous": (
        "only for customers without a card",
        "только для покупателей без карты",
        "เฉพาะลูกค้าที่ไม่มีบัตร",
    ),
    "customer_blocked": ("the card is blocked", "карта заблокирована", "บัตรถูกระงับ"),
    "not_this_store": ("not in this store", "не в этом магазине", "ไม่ใช้กับสาขานี้"),
    "not_this_till": ("not at this till", "не на этой кассе", "ไม่ใช้กับเครื่องนี้"),
    "not_yet": ("begins on {from}", "начнётся {from}", "เริ่ม {from}"),
    "over": ("ended on {until}", "закончилось {until}", "สิ้นสุดเมื่อ {until}"),
    "not_today": ("only on {days}", "только по дням: {days}", "เฉพาะวัน {days}"),
    "not_now": ("only at {hours}", "только в часы {hours}", "เฉพาะเวลา {hours}"),
    "not_this_tier": ("only for {tiers}", "только для уровня {tiers}", "เฉพาะระดับ {tiers}"),
    "nothing_for_tier": (
        "nothing for the level {tier}",
        "для уровня {tier} ничего не положено",
        "ไม่มีสิทธิ์สำหรับระดับ {tier}",
    ),
    "not_this_segment": (
        "only for the group {segments}",
        "только для группы {segments}",
        "เฉพาะกลุ่ม {segments}",
    ),
    "certificate_paid": (
        "certificate {certificate} pays {amount}, {rest} stays on it",
        "сертификат {certificate} оплачивает {amount}, на нём остаётся {rest}",
        "บัตรของขวัญ {certificate} จ่าย {amount} เหลือ {rest}",
    ),
    "certificate_burned": (
        "certificate {certificate} pays {amount}, the other {rest} is lost",
        "сертификат {certificate} оплачивает {amount}, остаток {rest} сгорает",
        "บัตรของขวัญ {certificate} จ่าย {amount} ส่วนที่เหลือ {rest} หมดไป",
    ),
    "certificate_other_currency": (
        "certificate {certificate} is in {currency}",
        "сертификат {certificate} в валюте {currency}",
        "บัตรของขวัญ {certificate} เป็น {currency}",
    ),
    "certificate_not_yet": (
        "certificate {certificate} begins on {from}",
        "сертификат {certificate} начнёт действовать {from}",
        "บัตรของขวัญ {certificate} เริ่มใช้ได้ {from}",
    ),
    "certificate_over": (
        "certificate {certificate} ended on {until}",
        "срок сертификата {certificate} истёк {until}",
        "บัตรของขวัญ {certificate} หมดอายุ {until}",
    ),
    "certificate_empty": (
        "nothing is left on certificate {certificate}",
        "на сертификате {certificate} ничего не осталось",
        "บัตรของขวัญ {certificate} ไม่มียอดเหลือ",
    ),
    "certificate_nothing_to_pay": (
        "nothing is left for certificate {certificate} to pay",
        "сертификату {certificate} нечего оплачивать",
        "ไม่มียอดให้บัตรของขวัญ {certificate} จ่าย",
    ),
    "points_missing": (
        "{cost} {unit} are needed, there are {have}",
        "нужно {cost} {unit}, сейчас {have}",
        "ต้องมี {cost} {unit} ขณะนี้ {have}",
    ),
    "gift_due": ("to hand out: {gift}, {count}", "выдать: {gift}, {count} шт.", "แจก {gift} {count} ชิ้น"),
    "gift_not_yet": (
        "{missing} more to the gift",
        "до подарка {missing}",
        "อีก {missing} จะได้ของแถม",
    ),
    "coupon_issued": (
        "a coupon for the next purchase: {serial}",
        "купон на следующую покупку: {serial}",
        "คูปองสำหรับครั้งต่อไป {serial}",
    ),
    "not_drawn": ("nothing was drawn today", "сегодня не выпало", "วันนี้ยังไม่ได้รางวัล"),
    "membership_granted": ("membership until {until}", "подписка до {until}", "สมาชิกถึง {until}"),
    "no_membership_bought": ("no membership is bought", "подписка не куплена", "ไม่ได้ซื้อสมาชิก"),
    "coupon_unknown": ("no such coupon: {coupon}", "нет такого купона: {coupon}", "ไม่พบคูปอง {coupon}"),
    "coupon_not_yet": (
        "the coupon {coupon} begins on {from}",
        "купон {coupon} начнёт действовать {from}",
        "คูปอง {coupon} เริ่มใช้ได้ {from}",
    ),
    "coupon_expired": (
        "the coupon {coupon} ended on {until}",
        "срок купона {coupon} истёк {until}",
        "คูปอง {coupon} หมดอายุ {until}",
    ),
    "coupon_used": (
        "the coupon {coupon} was used on {on}",
        "купон {coupon} уже использован {on}",
        "คูปอง {coupon} ถูกใช้แล้วเมื่อ {on}",
    ),
    "coupon_one_of_a_kind": (
        "only one coupon {coupon} on a receipt",
        "только один купон {coupon} в чеке",
        "ใช้คูปอง {coupon} ได้หนึ่งใบต่อบิล",
    ),
    "coupon_not_presented": (
        "only with the coupon {coupon}",
        "только с купоном {coupon}",
        "เฉพาะเมื่อมีคูปอง {coupon}",
    ),
    "coupon_not_used": (
        "the coupon {coupon} did nothing here and stays good",
        "купон {coupon} здесь не сработал и остаётся в силе",
        "คูปอง {coupon} ไม่ได้ใช้กับบิลนี้และยังใช้ได้",
    ),
    "coupon_forged": ("the coupon's signature is wrong", "подпись купона неверна", "ลายเซ็นของคูปองไม่ถูกต้อง"),
    "coupon_unreadable": ("the coupon cannot be read", "купон не читается", "อ่านคูปองไม่ได้"),
    "coupon_offline": (
        "this coupon can be used once, and without a line nobody knows whether it was; it stays good",
        "этот купон одноразовый, а без связи не узнать, использован ли он; купон остаётся в силе",
        "คูปองนี้ใช้ได้ครั้งเดียว ตรวจสอบไม่ได้ขณะออฟไลน์ คูปองยังใช้ได้ภายหลัง",
    ),
    "coupon_elsewhere": (
        "this coupon is held by another till, which was asked to give it up; try again in a minute",
        "этот купон закреплён за другой кассой, она его уже отдаёт; попробуйте через минуту",
        "คูปองนี้อยู่ที่เครื่องอื่นและกำลังคืน ลองใหม่ในหนึ่งนาที",
    ),
    "coupon_promised": (
        "another receipt of this till is about to use this coupon; close or cancel that one first",
        "этот купон уже учтён в другом чеке этой кассы; сначала закройте или отмените его",
        "ใบเสร็จอื่นของเครื่องนี้กำลังใช้คูปองนี้ ปิดหรือยกเลิกใบนั้นก่อน",
    ),
    "coupon_unverified": (
        "the coupon cannot be checked at this till",
        "на этой кассе купон нельзя проверить",
        "เครื่องนี้ตรวจสอบคูปองไม่ได้",
    ),
    "birthday_unknown": ("the birthday is not known", "день рождения не указан", "ไม่ทราบวันเกิด"),
    "not_birthday": (
        "only from {before} days before the birthday to {after} days after it",
        "только за {before} дн. до дня рождения и {after} дн. после",
        "เฉพาะ {before} วันก่อนวันเกิดถึง {after} วันหลังวันเกิด",
    ),
    "purchases_unknown": (
        "it is not known how many purchases there were",
        "неизвестно, сколько было покупок",
        "ไม่ทราบจำนวนครั้งที่ซื้อ",
    ),
    "other_purchase": (
        "only for purchase no. {number}, this is no. {now}",
        "только для покупки № {number}, это № {now}",
        "เฉพาะการซื้อครั้งที่ {number} ครั้งนี้คือครั้งที่ {now}",
    ),
    "every_nth_purchase": (
        "every {every} purchases, {left} more to go",
        "за каждую {every}-ю покупку, осталось {left}",
        "ทุก {every} ครั้ง เหลืออีก {left} ครั้ง",
    ),
    "tender_unknown": (
        "when all is paid by: {tenders}",
        "при оплате так: {tenders}",
        "เมื่อชำระด้วย {tenders}",
    ),
    "not_this_tender": (
        "only when all is paid by: {tenders}",
        "только при оплате так: {tenders}",
        "เฉพาะเมื่อชำระด้วย {tenders}",
    ),
    "not_this_channel": ("only for: {channels}", "только для: {channels}", "เฉพาะ {channels}"),
    "no_membership": ("only with a membership", "только по подписке", "เฉพาะสมาชิก"),
    "membership_over": (
        "the membership ended on {until}",
        "подписка закончилась {until}",
        "สมาชิกหมดอายุ {until}",
    ),
    "member_already": ("there is a membership already", "подписка уже есть", "เป็นสมาชิกอยู่แล้ว"),
    "only_staff": ("only for staff", "только для сотрудников", "เฉพาะพนักงาน"),
    "total_too_small": (
        "goods for {from} are needed, there are {have}",
        "нужно товаров на {from}, сейчас {have}",
        "ต้องมีสินค้า {from} ขณะนี้ {have}",
    ),
    "quantity_too_small": (
        "{from} pieces are needed, there are {have}",
        "нужно {from} шт., сейчас {have}",
        "ต้องมี {from} ชิ้น ขณะนี้ {have}",
    ),
    "positions_too_few": (
        "{from} positions are needed, there are {have}",
        "нужно позиций: {from}, сейчас {have}",
        "ต้องมี {from} รายการ ขณะนี้ {have}",
    ),
    "set_incomplete": ("the set is not complete", "набор собран не полностью", "ชุดสินค้ายังไม่ครบ"),
    "not_for_goods": ("none of these goods", "не для этих товаров", "ไม่ใช้กับสินค้าเหล่านี้"),
    "goods_excluded": (
        "these goods are excluded",
        "эти товары не участвуют",
        "สินค้าเหล่านี้ไม่ร่วมรายการ",
    ),
    "nothing_left": (
        "nothing more may be taken off these goods",
        "цену этих товаров больше снижать нельзя",
        "ลดราคาสินค้าเหล่านี้อีกไม่ได้",
    ),
    "nothing_paid": ("nothing is paid with money", "деньгами ничего не оплачено", "ไม่มียอดชำระเป็นเงิน"),
    "too_little": ("too little for one point", "сумма мала для одного балла", "ยอดน้อยเกินกว่าจะได้คะแนน"),
    "beaten": ("{by} gives more", "выгоднее {by}", "{by} คุ้มกว่า"),
    "beaten_by_exclusive": ("{by} admits no other", "{by} не суммируется с другими", "{by} ใช้ร่วมกับรายการอื่นไม่ได้"),
    "another_rule": (
        "another rule for these points is open",
        "действует другое правило для этих баллов",
        "มีกฎอื่นสำหรับคะแนนนี้",
    ),
    "not_asked": ("up to {most} {unit} can be spent", "можно списать до {most} {unit}", "ใช้ได้ถึง {most} {unit}"),
    "points_were_spent": (
        "nothing is earned on a receipt that spends points",
        "в чеке со списанием баллы не начисляются",
        "บิลที่ใช้คะแนนจะไม่ได้รับคะแนน",
    ),
    "capped_by_share": (
        "at most {most} {unit}: that is the share of the receipt points may pay",
        "не больше {most} {unit}: такую часть чека можно оплатить баллами",
        "ไม่เกิน {most} {unit} ตามสัดส่วนของบิล",
    ),
    "capped_by_goods": (
        "at most {most} {unit}: these goods cannot go below their price",
        "не больше {most} {unit}: ниже минимальной цены нельзя",
        "ไม่เกิน {most} {unit} ตามราคาขั้นต่ำของสินค้า",
    ),
    "capped_by_balance": (
        "at most {most} {unit}: that is the balance",
        "не больше {most} {unit}: столько на счёте",
        "ไม่เกิน {most} {unit} ตามยอดคงเหลือ",
    ),
    "caller_limit": ("at most {most} {unit} here", "здесь не больше {most} {unit}", "ที่นี่ไม่เกิน {most} {unit}"),
    "offline_cap": (
        "at most {most} {unit} without a line to the centre",
        "без связи не больше {most} {unit}",
        "ขณะออฟไลน์ใช้ได้ไม่เกิน {most} {unit}",
    ),
    "lease": (
        "at most {most} {unit}: that is this till's share",
        "не больше {most} {unit}: столько отведено этой кассе",
        "ไม่เกิน {most} {unit} ตามโควตาเครื่องนี้",
    ),
    "rounded_to_step": (
        "rounded down to what may be spent at once",
        "округлено вниз до шага списания",
        "ปัดลงตามขั้นการใช้คะแนน",
    ),
    "below_least": (
        "fewer than {least} {unit} cannot be spent",
        "меньше {least} {unit} списать нельзя",
        "ใช้ขั้นต่ำ {least} {unit}",
    ),
    "unknown_unit": ("the programme knows no {unit}", "в программе нет {unit}", "โปรแกรมไม่มี {unit}"),
    "not_a_sale": ("not a sale", "это не продажа", "ไม่ใช่การขาย"),
    "other_currency": (
        "the receipt is in {currency}, the programme in {wanted}",
        "чек в {currency}, программа в {wanted}",
        "บิลเป็น {currency} แต่โปรแกรมเป็น {wanted}",
    ),
    "time_without_zone": ("the time names no time zone", "время без часового пояса", "เวลาไม่มีเขตเวลา"),
    "time_out_of_range": ("the clock is wrong", "часы показывают невозможное время", "นาฬิกาผิด"),
}


#: Code of a hint → the sentence in each language; {reward} is what it brings, as an arrow and a few words, or nothing.
HINTS: Final[dict[str, tuple[str, str, str]]] = {
    **PERSONAL_HINTS,
    "more_money": ("{missing} more{reward}", "ещё {missing}{reward}", "ซื้อเพิ่มอีก {missing}{reward}"),
    "more_items": (
        "{missing} more {items}{reward} ({have} of {need})",
        "ещё {missing} {items}{reward} ({have} из {need})",
        "อีก {missing} {items}{reward} ({have} จาก {need})",
    ),
    "more_positions": (
        "{missing} more {positions}{reward} ({have} of {need})",
        "ещё {missing} {positions}{reward} ({have} из {need})",
        "อีก {missing} {positions}{reward} ({have} จาก {need})",
    ),
    "to_tier": ("{missing} to {tier}", "до уровня {tier}: {missing}", "อีก {missing} ถึงระดับ {tier}"),
}

#: What a hint's `reward` brings, by its word.
REWARDS: Final[dict[str, tuple[str, str, str]]] = {
    "back": (" → {gain} % back", " → кешбэк {gain} %", " → คืน {gain} %"),
    "percent": (" → {gain} % off", " → скидка {gain} %", " → ลด {gain} %"),
    "factor": (" → ×{gain}", " → ×{gain}", " → ×{gain}"),
}

#: What a value adds to a sentence where it is there, and nothing where it is not.
TAILS: Final[dict[str, tuple[str, str, str]]] = {
    "until": ("; again from {until}", "; снова с {until}", " ใช้ได้อีกครั้ง {until}"),
    "through": (" through {through}", " по {through}", " ภายใน {through}"),
}

#: Nouns that a sentence counts, with their plural forms in each of LANGUAGES.
NOUNS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "items": (("item", "items"), ("товар", "товара", "товаров"), ("ชิ้น",)),
    "purchases": (("purchase", "purchases"), ("покупка", "покупки", "покупок"), ("ครั้ง",)),
    "times": (("time", "times"), ("раз", "раза", "раз"), ("ครั้ง",)),
    "positions": (("position", "positions"), ("позиция", "позиции", "позиций"), ("รายการ",)),
}

#: Values that are numbers, so that a tier or a group named "2024" stays as it is written.
NUMBERS: Final = frozenset(
    {
        "asked",
        "below",
        "factor",
        "from",
        "gain",
        "have",
        "least",
        "missing",
        "most",
        "need",
        "number",
        "percent",
        "points",
    }
)
#: The number that a unit of points stands after; after "up to" and "at most" Russian has the genitive.
COUNTED: Final = ("points", "most", "least")

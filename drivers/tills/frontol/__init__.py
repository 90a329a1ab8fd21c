"""Frontol 6 of АТОЛ asks over the Priority API; Frontol 5 by the script bridge and the local API."""

from drivers.tills.contract import Support, TillSystem
from drivers.tills.frontol.load import loads
from drivers.tills.frontol.report import reports
from drivers.tills.frontol.report_twin import FrontolReportTwin
from drivers.tills.frontol.settings import FrontolSettings
from drivers.tills.priority import PriorityDoor, PriorityTwin

__all__ = ["system"]

system = TillSystem(
    name="frontol",
    title="АТОЛ Frontol 5 and 6",
    settings_type=FrontolSettings,
    support=Support(
        identify="yes: card, phone, application code; joining by the till's form",
        quote="yes: calculate; the script's marketing action on Frontol 5",
        redeem="yes: payByBonus, as a fiscal payment or beside the fiscal receipt",
        offline="yes: the agent answers on the till itself; points within what is in its hand",
        refund="yes: by referenceUid and referenceIndex, in parts",
        slip="yes: printingInformation; the script prints none",
        coupon="yes: of the receipt and of its lines",
        certificate="no: the protocol has no word for one; they are taken at the panel",
        verified="three public Priority API servers, a public script for Frontol 5 and 6; no Frontol of the field yet",
    ),
    door=PriorityDoor,
    twin=PriorityTwin,
    reports=reports,
    report_twin=FrontolReportTwin,
    loads=loads,
)

"""Штрих-М: Кассир tells its sales in a report file, and takes cards and discounts from a load file."""

from drivers.tills.contract import Support, TillSystem
from drivers.tills.shtrih_kassir.load import loads
from drivers.tills.shtrih_kassir.report import reports
from drivers.tills.shtrih_kassir.report_twin import KassirReportTwin
from drivers.tills.shtrih_kassir.settings import KassirSettings

__all__ = ["system"]

system = TillSystem(
    name="shtrih_kassir",
    title="Штрих-М: Кассир 5 and miniPOS",
    settings_type=KassirSettings,
    support=Support(
        identify="partly: after the sale, by the discount card on the receipt",
        quote="partly: the tier's percent, from the load file",
        redeem="no: the till asks nobody while the receipt is open",
        offline="yes: the till works from its own files",
        refund="partly: the points of the sale are taken back by the centre; the report does not name the sale",
        slip="no: a slip printer of the agent's own",
        coupon="no: not in the report",
        certificate="no: not in the report",
        verified="field lists of a public importer and a public wiki; no till of the field yet",
    ),
    reports=reports,
    report_twin=KassirReportTwin,
    loads=loads,
)

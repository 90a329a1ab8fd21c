"""Artix asks over the Priority API and queues what it could not tell; its cash server keeps everything it closed."""

from drivers.tills.artix.aif import write
from drivers.tills.artix.database import open_ledger
from drivers.tills.artix.http_load import send
from drivers.tills.artix.settings import ArtixSettings
from drivers.tills.contract import Support, TillSystem
from drivers.tills.ledgers import Ledgers
from drivers.tills.loads import Loads
from drivers.tills.priority import PriorityDoor, PriorityTwin

__all__ = ["system"]

system = TillSystem(
    name="artix",
    title="Artix (АРТИКС)",
    settings_type=ArtixSettings,
    support=Support(
        identify="yes: card, phone, application code; joining by the till's form",
        quote="yes: calculate",
        redeem="yes: payByBonus, as a fiscal payment or beside the fiscal receipt",
        offline="yes: the agent answers in the shop; Artix's queue repeats what it could not tell",
        refund="yes: by referenceUid and referenceIndex, in parts; read from the cash server too",
        slip="yes: printingInformation",
        coupon="yes: of the receipt and of its lines",
        certificate="no: the protocol has no word for one; they are taken at the panel",
        verified="public Priority API servers and exchange programmes, a real MariaDB; no Artix of the field yet",
    ),
    door=PriorityDoor,
    twin=PriorityTwin,
    loads=Loads(write=write, send=send),
    ledger=Ledgers(
        open=open_ledger,
        is_set=lambda own: bool(own.ledger.host),
        poll_s=lambda own: own.ledger.poll_s,
        read_from=lambda own: own.ledger.read_from,
    ),
)

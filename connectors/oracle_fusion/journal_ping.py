"""Whether journals could be posted, as far as that can be seen without posting one."""

from __future__ import annotations

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.general_ledger import GeneralLedger
from connectors.oracle_fusion.journal_look import must_see_batches
from ml_connector.core.errors import ConnectorError
from ml_connector.core.findings import Finding

_UNSEEN = (
    "whether the pod takes a file for this source, category and data access set is seen with the first journal only "
    "(README of oracle_fusion, Journals)"
)


async def ping_journals(client: OracleFusion) -> Finding:
    """Reads the ledger, its periods and one batch."""
    settings = client.settings.journals
    if settings is None:
        return Finding(False, "journals: no settings", "give the connection `journals` (README of oracle_fusion)")
    general_ledger = GeneralLedger(client)
    try:
        ledger = await general_ledger.ledger(settings.ledger)
        periods = await general_ledger.periods(ledger)
        await must_see_batches(client)
    except ConnectorError as error:
        return Finding(False, "journals cannot be posted", str(error))
    opened = [period.name for period in periods if period.status == "O"]
    if not opened:
        return Finding(False, "journals: no accounting period of the ledger is open", "open one in General Ledger")
    return Finding(True, f"journals: ledger in {ledger.currency}, open periods {', '.join(opened)}", _UNSEEN)

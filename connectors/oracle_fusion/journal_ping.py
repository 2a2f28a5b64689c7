"""Whether journals could be posted, as far as that can be seen without posting one."""

from __future__ import annotations

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.erp_integrations import ErpIntegrations
from connectors.oracle_fusion.general_ledger import GeneralLedger
from connectors.oracle_fusion.journal_entry import FILES
from connectors.oracle_fusion.journal_imports import JournalImports
from connectors.oracle_fusion.journal_look import must_see_batches
from ml_connector.core.errors import ConnectorError
from ml_connector.core.findings import Finding

_NO_FILES = (
    "each submission first asks the content server for files (DocumentIdsByFilePrefixRF). Grant the duty role FSCM "
    "Load Interface Administration, or say look_for_files: false and look into each lost answer"
)
_NO_REQUESTS = (
    "the scheduler does not tell of requests (/ess/rest/scheduler/v1/requests): where an import fails, a person must "
    "look. Let the user see requests of scheduled processes. Besides, "
)
_UNSEEN = (
    "whether the pod takes a file for this source, category and data access set is seen with the first journal only "
    "(README of oracle_fusion, Journals)"
)


async def ping_journals(client: OracleFusion) -> Finding:
    """Reads the ledger, its periods and one batch, and asks for files and requests as a submission and a probe do."""
    settings = client.settings.journals
    if settings is None:
        return Finding(False, "journals: no settings", "give the connection `journals` (README of oracle_fusion)")
    general_ledger = GeneralLedger(client)
    try:
        ledger = await general_ledger.ledger(settings.ledger)
        periods = await general_ledger.periods(ledger)
        await must_see_batches(client)
        told = await JournalImports(client).are_told()
    except ConnectorError as error:
        return Finding(False, "journals cannot be posted", str(error))
    try:
        if settings.look_for_files:
            await ErpIntegrations(client).documents(FILES, settings.document_account)
    except ConnectorError as error:
        return Finding(False, "journals cannot be posted", f"{error}: {_NO_FILES}")
    opened = [period.name for period in periods if period.status == "O"]
    if not opened:
        return Finding(False, "journals: no accounting period of the ledger is open", "open one in General Ledger")
    hint = _UNSEEN if told else _NO_REQUESTS + _UNSEEN
    return Finding(True, f"journals: ledger in {ledger.currency}, open periods {', '.join(opened)}", hint)

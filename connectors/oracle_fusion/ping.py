"""Trying a connection for real, and saying what is missing.

Fusion hides what it does not grant: without data access a resource answers 200 with no rows. That cannot be told from
an empty pod, so no rows are reported as such, with what to grant.
"""

from __future__ import annotations

from collections.abc import Collection

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.credit import CreditProfiles
from connectors.oracle_fusion.journal_payload import Journal
from connectors.oracle_fusion.journal_ping import ping_journals
from connectors.oracle_fusion.ledger_currency import ping_currency
from connectors.oracle_fusion.paging import CollectionPage
from connectors.oracle_fusion.parties import CrmAccounts, CrmContacts, HubOrganizations, HubPersons
from connectors.oracle_fusion.profile import active_profile
from connectors.oracle_fusion.streams import STREAMS, Full, Windowed
from connectors.oracle_fusion.totals import Receivables
from ml_connector.core.errors import ConnectorError, Reauthenticate
from ml_connector.core.findings import Finding

_Parties = HubOrganizations | HubPersons | CrmAccounts | CrmContacts

_GRANTS = {
    "hubOrganizations": "a role that may view Trading Community organizations of all customers",
    "hubPersons": "a role that may view Trading Community persons of all customers",
    "accounts": "an Oracle Sales role that sees all accounts, not those of one territory",
    "contacts": "an Oracle Sales role that sees all contacts, not those of one territory",
    "receivablesCustomerAccountActivities": (
        "AR_REVIEW_CUSTOMER_ACCOUNT_ACTIVITIES_PRIV with data access to the business units (the streams of receivables "
        "and of credit profiles need it)"
    ),
    "purchaseOrders": (
        "PO_VIEW_PURCHASE_ORDER_PRIV with access to the procurement business units (the streams of purchase orders and "
        "of supplier orders need it)"
    ),
    "suppliers": "a role that may view suppliers (the stream of suppliers needs it)",
    "accountCombinationsLOV": (
        "FUN_GET_ENTERPRISE_STRUCTURES_REST_SERVICE_PRIV and a data access set (the stream of account combinations "
        "needs them)"
    ),
    "invoices": "a role that may view payables invoices of the business units (the streams of invoices, holds need it)",
    "invoiceHolds": "a role that may view invoice holds of the business units (the stream of holds needs it)",
    "journalBatches": "a role that may view journals of the ledgers (the stream of journal batches needs it)",
    "receivablesInvoices": (
        "AR_CREATE_RECEIVABLES_INVOICE_PRIV with data access to the business units (the stream of customer invoices "
        "needs it; Oracle wants it for reading, too)"
    ),
}


async def ping(client: OracleFusion, models: Collection[str] = tuple(STREAMS)) -> list[Finding]:
    """Sign in and read one row of each resource that these models come from; nothing is written.

    The first finding says whether the pod can be reached at all. Never raises a `ConnectorError`: it becomes a finding.
    """
    streams = [open_stream(client) for model, open_stream in STREAMS.items() if model in models]
    try:
        clock = await (streams[0] if streams else client).clock()  # who reads invoices need not see customers
    except ConnectorError as error:
        refused = isinstance(error, Reauthenticate)
        return [Finding(False, f"{client.account} cannot be read", str(error), refused)]
    version = f"REST {client.settings.rest_version}, framework version {client.settings.framework_version}"
    findings = [Finding(True, f"signed in to {client.account}: {version}, clock {clock:%Y-%m-%d %H:%M:%S} UTC")]
    for stream in streams:
        findings += [await _credit(client)] if isinstance(stream, CreditProfiles) else await _resource(client, stream)
        if isinstance(stream, Receivables):
            findings.append(await ping_currency(client))
    if Journal.__name__ in models:
        findings.append(await ping_journals(client))
    return findings


async def _resource(client: OracleFusion, stream: Windowed | Full) -> list[Finding]:
    resource, grant = stream.resource, _GRANTS[stream.resource]
    try:
        described = await client.describe(stream.root, resource)
        page = await _one_row(client, stream)
    except ConnectorError as error:
        return [Finding(False, f"{resource} cannot be read", f"{error}. Usually missing: {grant}")]
    if refused := [name for name in stream.queried if name not in described.queryable]:
        hint = "this stream cannot be read from this pod: switch it off"
        if isinstance(stream, _Parties):
            hint += ", or choose the other customer_source"
        return [Finding(False, f"{resource}: {' and '.join(refused)} cannot be queried", hint)]
    if page.rows:
        return [Finding(True, f"{resource}: rows can be read")]
    hint = f"if there should be some, grant {grant}: without it Fusion answers as if there were none"
    if isinstance(stream, _Parties) and stream.usage:
        hint += f". Or no party has the usage {stream.usage}: see Manage Party Usages for its code, and the settings"
    return [Finding(not isinstance(stream, _Parties), f"{resource}: no rows", hint)]


async def _one_row(client: OracleFusion, stream: Windowed | Full) -> CollectionPage:
    """Parties as they are read: no sample shows a finder beside ``q``."""
    attribute = stream.queried[-1]
    if not isinstance(stream, _Parties):
        return await client.collection(stream.root, stream.resource, limit=1, fields=attribute)
    where, finder = f"{attribute} > 0", stream.finder
    return await client.collection(stream.root, stream.resource, q=where, limit=1, fields=attribute, finder=finder)


async def _credit(client: OracleFusion) -> Finding:
    what = "customer profile service"
    try:
        page = await client.collection(Receivables.root, Receivables.resource, limit=1, fields="AccountNumber")
        if not page.rows:
            return Finding(True, f"{what}: not tried", "there is no customer account to ask about")
        await active_profile(client, page.rows[0]["AccountNumber"])
    except ConnectorError as error:
        return Finding(False, f"{what} cannot be read", f"{error}. Only the stream of credit profiles needs it")
    return Finding(True, f"{what}: answers")

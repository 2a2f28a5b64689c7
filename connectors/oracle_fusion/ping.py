"""Trying a connection for real, and saying what is missing.

Fusion hides what it does not grant: without data access a resource answers 200 with no rows. That cannot be told from
an empty pod, so no rows are reported as such, with what to grant.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.credit import CreditProfiles
from connectors.oracle_fusion.parties import CrmAccounts, CrmContacts, HubOrganizations, HubPersons
from connectors.oracle_fusion.profile import active_profile
from connectors.oracle_fusion.streams import STREAMS
from connectors.oracle_fusion.totals import Receivables, SupplierOrders
from ml_connector.core.errors import ConnectorError
from ml_connector.core.findings import Finding

_PARTIES = (HubOrganizations, HubPersons, CrmAccounts, CrmContacts)
_Collection = HubOrganizations | HubPersons | CrmAccounts | CrmContacts | Receivables | SupplierOrders

_GRANTS = {
    "hubOrganizations": "a role that may view Trading Community organizations of all customers",
    "hubPersons": "a role that may view Trading Community persons of all customers",
    "accounts": "an Oracle Sales role that sees all accounts, not those of one territory",
    "contacts": "an Oracle Sales role that sees all contacts, not those of one territory",
    "receivablesCustomerAccountActivities": (
        "AR_REVIEW_CUSTOMER_ACCOUNT_ACTIVITIES_PRIV, with data access to the business units (Manage Data Access for "
        "Users)"
    ),
    "purchaseOrders": (
        "PO_VIEW_PURCHASE_ORDER_PRIV, with agent access or data access to the procurement business units"
    ),
}


async def ping(client: OracleFusion, streams: Sequence[str] = tuple(STREAMS)) -> list[Finding]:
    """Sign in, and read one row of each of the ``streams``; nothing is written. Never raises a `ConnectorError`."""
    try:
        clock = await client.clock()
    except ConnectorError as error:
        return [Finding(False, f"{client.account} cannot be read", str(error))]
    version = f"REST {client.settings.rest_version}, framework version {client.settings.framework_version}"
    findings = [
        Finding(True, f"signed in to {client.account}: {version}, its clock says {clock:%Y-%m-%d %H:%M:%S} UTC")
    ]
    for name in streams:
        source = STREAMS[name](client)
        if isinstance(source, CreditProfiles):
            findings.append(await _credit(client))
        elif isinstance(source, _Collection):
            findings += await _collection(client, source)
    return findings


async def _collection(client: OracleFusion, source: _Collection) -> list[Finding]:
    resource = source.resource
    try:
        described = await client.describe(source.root, resource)
        page = await client.collection(source.root, resource, limit=1, fields=source.queried[-1])
    except ConnectorError as error:
        return [Finding(False, f"{resource} cannot be read", f"{error}. Usually missing: {_GRANTS[resource]}")]
    findings = []
    if refused := [name for name in source.queried if name not in described.queryable]:
        findings.append(
            Finding(
                False,
                f"{resource}: {' and '.join(refused)} cannot be queried in this pod",
                "the stream cannot be read: switch it off"
                + (", or choose the other customer_source" if isinstance(source, _PARTIES) else ""),
            )
        )
    if page.rows:
        findings.append(Finding(True, f"{resource}: rows can be read"))
    else:
        hint = f"if there should be some, grant {_GRANTS[resource]}: without it Fusion answers as if there were none"
        findings.append(Finding(not isinstance(source, _PARTIES), f"{resource}: no rows", hint))
    return findings


async def _credit(client: OracleFusion) -> Finding:
    what = "customer profile service (SOAP)"
    try:
        page = await client.collection(
            Receivables.root, Receivables.resource, limit=1, fields="AccountNumber"
        )
        if not page.rows:
            return Finding(True, f"{what}: not tried", "there is no customer account to ask about")
        await active_profile(client, page.rows[0]["AccountNumber"])
    except ConnectorError as error:
        return Finding(False, f"{what} cannot be read", f"{error}. Usually missing: a role that may view profiles")
    return Finding(True, f"{what}: answers")

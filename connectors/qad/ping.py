"""Whether a connection to QAD works, and what of its configuration the instance does not have."""

from __future__ import annotations

from collections.abc import Collection

from connectors.qad.client import Qad
from connectors.qad.streams import BrowseStream
from ml_connector.core.errors import ConnectorError, Reauthenticate
from ml_connector.core.findings import Finding
from ml_connector.core.system import Health

_ENTITIES = {
    "Customer": "customers",
    "Contact": "contacts",
    "SalesOrder": "orders",
    "CustomerOrders": "orders",
    "Invoice": "invoices",
    "CustomerInvoices": "invoices",
}


async def ping(client: Qad, models: Collection[str]) -> Health:
    """Read one row of each configured entity and compare its columns. A `ConnectorError` becomes a finding, and so does
    an entity that the streams of these models need and the tenant file lacks."""
    entities = client.settings.entities
    needed = dict.fromkeys(entity for model, entity in _ENTITIES.items() if model in models)
    hint = "run `ml-connector discover` for the connection and put what fits under `entities` in the tenant file"
    findings = [Finding(False, f"entities.{one} is not configured", hint) for one in needed if one not in entities]
    if not entities:
        return Health(None, findings or [Finding(False, "no entities are configured", hint)])
    reached = False
    for name, entity in entities.items():
        stream = BrowseStream(client, name, entity)
        try:
            page = await client.browse(entity.browse, page=1, page_size=1, call_id="ping", filters=entity.filters)
            reached = True
            await stream.check(page.rows)
        except Reauthenticate as error:
            return Health(None, [Finding(False, f"{client.account} cannot be read", str(error), refused=True)])
        except ConnectorError as error:
            findings.append(Finding(False, f"entities.{name} cannot be read", str(error)))
        else:
            what = f"entities.{name} ({entity.browse}): {'rows can be read' if page.rows else 'no rows'}"
            advice = None if page.rows else "if there should be some, check the workspace and the role of the user"
            findings.append(Finding(True, what, advice))
    return Health(client.account if reached else None, findings)

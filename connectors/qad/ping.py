"""Whether a connection to QAD works, and what of its configuration the instance does not have."""

from __future__ import annotations

from connectors.qad.client import Qad
from connectors.qad.streams import BrowseStream
from ml_connector.core.errors import ConnectorError, Reauthenticate
from ml_connector.core.findings import Finding
from ml_connector.core.system import Health


async def ping(client: Qad) -> Health:
    """Read one row of each configured entity and compare its columns. A `ConnectorError` becomes a finding."""
    entities = client.settings.entities
    if not entities:
        hint = "run `ml-connector discover` for the connection and put what fits under `entities` in the tenant file"
        return Health(None, [Finding(False, "no entities are configured", hint)])
    findings, reached = [], False
    for name, entity in entities.items():
        stream = BrowseStream(client, name, entity)
        try:
            page = await client.browse(entity.browse, page=1, page_size=1, call_id="ping", filters=entity.filters)
            reached = True
            await stream.check(page.rows, first=True)
        except Reauthenticate as error:
            return Health(None, [Finding(False, f"{client.account} cannot be read", str(error), refused=True)])
        except ConnectorError as error:
            findings.append(Finding(False, f"entities.{name} cannot be read", str(error)))
        else:
            what = f"entities.{name} ({entity.browse}): {'rows can be read' if page.rows else 'no rows'}"
            advice = None if page.rows else "if there should be some, check the workspace and the role of the user"
            findings.append(Finding(True, what, advice))
    return Health(client.account if reached else None, findings)

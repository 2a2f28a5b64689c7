"""What is kept here, as the rest of the house knows it: a destination that no tenant connects to."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import BaseModel

from connectors.kept.models import Document
from ml_connector.core.documents import SYSTEM, Documents
from ml_connector.core.errors import ConnectorError, Misconfigured
from ml_connector.core.response import Response
from ml_connector.core.system import Health, System


class _NoSettings(BaseModel):
    """None: the database is the product's own."""


def _explain(_response: Response, phase: str) -> ConnectorError:
    return Misconfigured("nothing is asked for over HTTP here", vendor=SYSTEM, phase=phase)


async def _ping(_client: Documents, _models: Collection[str]) -> Health:
    return Health(None, [])


KEPT = System(
    name=SYSTEM,
    settings=_NoSettings,
    hosts=(),
    request_id_headers=(),
    explain=_explain,
    client=lambda _http, _settings: None,
    ping=_ping,
    models={"Document": Document},
    destinations={"Document": lambda client, _mapping: client},
)

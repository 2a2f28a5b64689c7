"""Whether the settings of every connection are ones that its connector knows, before anything is asked of a vendor."""

from __future__ import annotations

from collections.abc import Iterable

from ml_connector.core.errors import Misconfigured
from ml_connector.core.tenants import TenantConfig
from tasks.workspace import connector_settings


def require_settings(configs: Iterable[TenantConfig]) -> None:
    """Raise Misconfigured with a line for each connection whose settings its connector refuses."""
    problems = []
    for config in configs:
        for connection in config.connections:
            try:
                connector_settings(config, connection)
            except Misconfigured as error:
                problems.append(error.message)
    if problems:
        raise Misconfigured("\n".join(problems))

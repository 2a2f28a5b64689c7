"""Whether the settings of every connection are ones that its connector knows, before anything is asked of a vendor."""

from __future__ import annotations

from collections.abc import Iterable

from ml_connector.core.errors import Misconfigured
from ml_connector.core.tenants import TenantConfig
from tasks.workspace import connector_settings


def require_settings(configs: Iterable[TenantConfig]) -> None:
    """Raise Misconfigured with a line for each setting that its connector refuses."""
    if problems := [problem for config in configs for problem in settings_problems(config)]:
        raise Misconfigured("\n".join(problems))


def settings_problems(config: TenantConfig) -> list[str]:
    """What is wrong in the connections of a tenant, also in those that no integration uses."""
    problems = []
    for connection in config.connections:
        try:
            connector_settings(config, connection)
        except Misconfigured as error:
            problems.append(error.message)
    return problems

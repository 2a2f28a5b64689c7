"""``map check``: whether every mapping of every tenant holds against the models of its two systems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ml_connector.cli import console
from ml_connector.cli.settings_check import settings_problems
from ml_connector.cli.tenant_names import tell_left_out
from ml_connector.core.errors import Misconfigured
from ml_connector.core.settings import settings
from ml_connector.core.tenants import TenantConfig, load_tenant, load_tenants
from tasks.workspace import stream_mapping


async def check(tenant: str | None) -> int:
    """Show each mapping; the exit code is that of Misconfigured if one, or a setting of a connection, does not hold."""
    folder = settings().tenants_dir
    configs = [load_tenant(folder / f"{tenant}.yaml")] if tenant else load_tenants(folder)
    if not tenant:
        tell_left_out()
    listed = console.table("tenant", "mapping", "")
    problems = [problem for config in configs for problem in settings_problems(config)]
    for config, mapping, problem in _checked(configs):
        listed.add_row(config.tenant, mapping, "[red]wrong[/]" if problem else "[green]ok[/]")
        problems += [problem] if problem else []
    console.out.print(listed)
    for text in problems:
        console.err.print(text, style="red", markup=False, highlight=False)
    return console.NEEDS_A_PERSON if problems else 0


def require_mappings(configs: Iterable[TenantConfig]) -> None:
    """Raise Misconfigured with everything that is wrong in the mappings of these tenants."""
    problems = [problem for _, _, problem in _checked(configs) if problem]
    if problems:
        raise Misconfigured("\n".join(problems))


def _checked(configs: Iterable[TenantConfig]) -> Iterator[tuple[TenantConfig, str, str | None]]:
    for config in configs:
        for integration, its in config.integrations.items():
            for stream in its.streams:
                problem = None
                try:
                    stream_mapping(config, integration, stream, settings().mappings_dir)
                except Misconfigured as error:
                    problem = error.message
                yield config, f"{integration}/{stream}", problem

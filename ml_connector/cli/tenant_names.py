"""Which tenants there are to look at, and which of their connections is meant."""

from __future__ import annotations

from ml_connector.cli import console
from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.settings import settings
from ml_connector.core.tenant_rows import known_tenants
from ml_connector.core.tenants import Connection, load_tenant, without_sandbox

LEFT_OUT = "left out: the sandbox plays all its vendors, and none runs here (SANDBOX_URL is not set)"


async def tenant_names(db: Database) -> list[str]:
    """Those with a file, whether it can be read or not, and those of which anything is stored."""
    files = {path.stem for path in settings().tenants_dir.glob("*.yaml")} - {"defaults"}
    return sorted(files | set(await known_tenants(db)))


def tell_left_out() -> list[str]:
    """Name the tenants that have a file and do not count here."""
    names = without_sandbox(settings().tenants_dir)
    for name in names:
        console.err.print(f"{name} is {LEFT_OUT}.", highlight=False)
    return names


async def require_tenant(db: Database, tenant: str) -> None:
    """Misconfigured, saying which there are, of a tenant that never was: else it would seem to have nothing."""
    names = await tenant_names(db)
    if tenant not in names:
        raise Misconfigured(f"there is no tenant {tenant}; there are: {', '.join(names) or 'none'}")


def named_connection(named: str) -> tuple[str, str, Connection]:
    """Tenant, name and configuration of ``acme/zendesk``. Misconfigured, saying which there are, if there is none."""
    tenant, _, connection = named.partition("/")
    file = settings().tenants_dir / f"{tenant}.yaml"
    if not connection:
        raise Misconfigured(f"{named} is not TENANT/CONNECTION, such as acme/zendesk")
    if not file.is_file():
        raise Misconfigured(f"there is no tenant {tenant}: {file.name} is not in {settings().tenants_dir.name}/")
    known = load_tenant(file).connections
    if connection not in known:
        raise Misconfigured(f"tenant {tenant} has no connection {connection}; it has: {', '.join(known)}")
    return tenant, connection, known[connection]

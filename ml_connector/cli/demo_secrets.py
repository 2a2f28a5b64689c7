"""The secrets of the demo's tenant: the sandbox's own, which everybody may know."""

from __future__ import annotations

from ml_connector.cli.database import open_database, open_vault
from ml_connector.core.connections import put_secret
from ml_connector.core.secret import Secret
from ml_connector.core.settings import settings
from ml_connector.core.tenant_rows import stored_secrets
from ml_connector.core.tenants import load_tenant

TENANT = "demo"
_CLIENT_SECRET = "sandbox-client-secret"  # noqa: S105 - of clients that exist in the sandbox only
_PASSWORD = "sandbox-password"  # noqa: S105 - as above
SECRETS = {
    "slack": ("token", "xoxb-sandbox-token"),
    "asana": ("token", "sandbox-personal-token"),
    "qad": ("password", _PASSWORD),
    "workday": ("password", _PASSWORD),
}
"""By system; all others have a client."""


async def store_sandbox_secrets() -> None:
    """Give the demo's tenant its secrets, if it has a file and nobody has given it any."""
    file = settings().tenants_dir / f"{TENANT}.yaml"
    if not file.is_file():
        return
    async with open_database() as db:
        if await stored_secrets(db, TENANT):
            return
        vault = await open_vault(db)
        for name, connection in load_tenant(file).connections.items():
            secret, value = SECRETS.get(connection.system, ("client_secret", _CLIENT_SECRET))
            await put_secret(db, vault, TENANT, name, secret, Secret(value))

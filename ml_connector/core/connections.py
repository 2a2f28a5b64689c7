"""What we know of a tenant's connections: whether they work, and which account they reach."""

from __future__ import annotations

from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured, Reauthenticate


async def require_usable(db: Database, tenant: str, name: str) -> None:
    """Raise Reauthenticate for a connection that waits for a person, without asking the vendor again."""
    async with db.tenant(tenant) as conn:
        row = await (await conn.execute("select status, reason from connection where name = %s", (name,))).fetchone()
    if row is not None and row[0] == "needs_reauth":
        raise Reauthenticate(
            f"{tenant}/{name} must be reconnected ({row[1]}); then `ml-connector ping {tenant}` clears it",
            phase="connect",
        )


async def needs_reauth(db: Database, tenant: str, name: str, system: str, reason: str) -> None:
    """Mark a connection whose credential is refused, so that no flow asks the vendor until it is mended."""
    async with db.tenant(tenant) as conn:
        await conn.execute(
            "insert into connection (tenant, name, system, status, reason) "
            "values (mlc_tenant(), %s, %s, 'needs_reauth', %s) on conflict (tenant, name) do update "
            "set status = 'needs_reauth', reason = excluded.reason, updated_at = now()",
            (name, system, reason),
        )


async def record_identity(db: Database, tenant: str, name: str, system: str, identity: str) -> None:
    """Note which account a working connection reaches. Another account than before is refused (test against live)."""
    async with db.tenant(tenant) as conn:
        row = await (await conn.execute("select identity from connection where name = %s", (name,))).fetchone()
        if row is not None and row[0] is not None and row[0] != identity:
            raise Misconfigured(
                f"{tenant}/{name} used to reach the account {row[0]} and now reaches {identity}: its links and "
                f"watermarks belong to the first one. Use another connection name for another account",
                phase="connect",
            )
        await conn.execute(
            "insert into connection (tenant, name, system, status, identity) values (mlc_tenant(), %s, %s, 'ok', %s) "
            "on conflict (tenant, name) do update "
            "set status = 'ok', identity = excluded.identity, reason = null, updated_at = now()",
            (name, system, identity),
        )

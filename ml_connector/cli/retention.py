"""``prune`` and ``erase``: how bodies end."""

from __future__ import annotations

from ml_connector.cli import console
from ml_connector.cli.database import open_database
from ml_connector.cli.person import whoami
from ml_connector.cli.tenant_names import require_tenant, tenant_names
from ml_connector.core import retention
from ml_connector.core.errors import AbortRun, Misconfigured
from ml_connector.core.lease import LeaseTaken
from ml_connector.core.settings import settings


async def prune(tenant: str | None) -> None:
    """Delete what was kept for longer than the setting says, of one tenant or of all."""
    days = settings().keep_days
    if not days:
        raise Misconfigured("ML_CONNECTOR_KEEP_DAYS is 0: everything is kept for ever")
    async with open_database() as db:
        if tenant:
            await require_tenant(db, tenant)
        for name in [tenant] if tenant else await tenant_names(db):
            ended = await retention.prune_tenant(
                db, name, retention.kept_since(days), lease_seconds=settings().lease_seconds
            )
            console.out.print(f"{name}: {ended}", highlight=False)


async def erase(tenant: str, record: str, reason: str) -> None:
    """Delete every stored body of a record, and say what was deleted."""
    if not reason.strip():
        raise Misconfigured("give a --reason: it stands in the audit")
    async with open_database() as db:
        await require_tenant(db, tenant)
        records = await retention.find_records(db, tenant, record)
        if not records:
            raise Misconfigured(f"tenant {tenant} has no record {record}")
        try:
            ended = await retention.erase(
                db, tenant, records, actor=whoami(), reason=reason, lease_seconds=settings().lease_seconds
            )
        except LeaseTaken as taken:
            raise AbortRun(f"{taken}: erase it when that has ended") from None
    for stream, ids in records.items():
        console.out.print(f"{stream}: {', '.join(ids)}", highlight=False)
    console.out.print(f"{ended}. The audit keeps ids, states and reasons; its chain is whole.", highlight=False)

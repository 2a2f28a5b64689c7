"""``audit``: what happened to a tenant's records."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import asdict
from typing import Any

from ml_connector.cli import console
from ml_connector.cli.database import open_database, open_vault
from ml_connector.cli.rows import Format, put_out, span
from ml_connector.cli.tenant_names import require_tenant
from ml_connector.core import audit
from ml_connector.core.audit_query import AuditLine, lines, stored_body

_SHOWN = ("at", "stream", "source_id", "action", "status", "dest_id", "actor", "reason")


async def show(
    tenant: str,
    *,
    record: str | None,
    run: str | None,
    state: str | None,
    since: str | None,
    failed: bool,
    form: Format,
    bodies: bool,
) -> None:
    """Print the entries that fit, oldest first: a table for people, JSON lines or CSV for programs."""
    if bodies:
        console.err.print("What follows holds the records' values: only for those who may see them.", style="yellow")
    async with open_database() as db:
        await require_tenant(db, tenant)
        sealer = await (await open_vault(db)).sealer(tenant, "body") if bodies else None

        async def rows() -> AsyncGenerator[dict[str, Any]]:
            wanted = lines(db, tenant, record=record, run=run, state=state, since=span(since), failed=failed)
            async with aclosing(wanted) as found:
                async for line in found:
                    row = asdict(line)
                    if sealer is not None:
                        row["body"] = await stored_body(db, sealer, tenant, line)
                    yield row

        await put_out(form, rows(), [*AuditLine.__dataclass_fields__, *(["body"] if bodies else [])], _SHOWN)


async def verify(tenant: str) -> int:
    """Say whether the tenant's chain is whole; the exit code is 1 if not."""
    async with open_database() as db:
        await require_tenant(db, tenant)
        verdict = await audit.verify(db, tenant)
    if verdict.broken_at is not None:
        console.err.print(f"The audit of {tenant} is broken at block {verdict.broken_at}: {verdict.why}.", style="red")
        return 1
    console.out.print(f"The audit of {tenant} is whole: {verdict.blocks} blocks, {verdict.entries} entries.")
    return 0

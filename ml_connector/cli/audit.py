"""``audit``: what happened to a tenant's records."""

from __future__ import annotations

import csv
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from ml_connector.cli import console
from ml_connector.cli.database import open_database, open_vault
from ml_connector.core import audit, jsonx
from ml_connector.core.audit_query import AuditLine, lines, stored_body
from ml_connector.core.errors import Misconfigured
from ml_connector.core.tenant_config import Duration

_TABLE = ("at", "stream", "source_id", "action", "status", "dest_id", "reason")
"""What a person wants to see; the other formats have everything."""


async def show(
    tenant: str,
    *,
    record: str | None,
    run: str | None,
    state: str | None,
    since: str | None,
    form: Literal["table", "jsonl", "csv"],
    bodies: bool,
) -> None:
    """Print the entries that fit, oldest first: a table for people, JSON lines or CSV for programs."""
    async with open_database() as db:
        sealer = await (await open_vault(db)).sealer(tenant, "body") if bodies else None

        async def rows() -> AsyncIterator[dict[str, Any]]:
            wanted = lines(db, tenant, record=record, run=run, state=state, since=_span(since))
            async with aclosing(wanted) as found:
                async for line in found:
                    row = asdict(line)
                    if sealer is not None:
                        row["body"] = await stored_body(db, sealer, tenant, line)
                    yield row

        columns = [*AuditLine.__dataclass_fields__, *(["body"] if bodies else [])]
        await {"table": _as_table, "jsonl": _as_jsonl, "csv": _as_csv}[form](rows(), columns)


async def verify(tenant: str) -> int:
    """Say whether the tenant's chain is whole; the exit code is 1 if not."""
    async with open_database() as db:
        verdict = await audit.verify(db, tenant)
    if verdict.broken_at is not None:
        console.err.print(f"The audit of {tenant} is broken at block {verdict.broken_at}: {verdict.why}.", style="red")
        return 1
    console.out.print(f"The audit of {tenant} is whole: {verdict.blocks} blocks, {verdict.entries} entries.")
    return 0


def _span(text: str | None) -> timedelta | None:
    try:
        return TypeAdapter(Duration).validate_python(text) if text else None
    except ValidationError:
        raise Misconfigured("--since takes a whole number and a unit, such as 90s, 10m, 2h or 7d") from None


async def _as_table(rows: AsyncIterator[dict[str, Any]], columns: list[str]) -> None:
    shown = [name for name in columns if name in (*_TABLE, "body")]
    listed = console.table(*shown)
    async for row in rows:
        row["at"] = f"{row['at']:%Y-%m-%d %H:%M:%S}"
        if row.get("body") is not None:
            row["body"] = jsonx.dumps(row["body"]).decode()
        listed.add_row(*[console.cell(row[name]) for name in shown])
    console.out.print(listed)


async def _as_jsonl(rows: AsyncIterator[dict[str, Any]], _columns: list[str]) -> None:
    async for row in rows:
        sys.stdout.write(jsonx.dumps(row).decode() + "\n")


async def _as_csv(rows: AsyncIterator[dict[str, Any]], columns: list[str]) -> None:
    writer = csv.DictWriter(sys.stdout, columns)
    writer.writeheader()
    async for row in rows:
        if row.get("body") is not None:
            row["body"] = jsonx.dumps(row["body"]).decode()
        writer.writerow(row)

"""What we know of a tenant's connections: whether they work, and which account they reach."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from ml_connector.core.db import Database
from ml_connector.core.errors import Disconnected, Misconfigured
from ml_connector.core.tables import Connection


@dataclass(slots=True, frozen=True)
class Refused:
    """A connection that waits for a person to give it a new credential."""

    tenant: str
    connection: str
    system: str
    reason: str
    since: datetime
    told: bool
    """Whether somebody was told."""


async def refused_connections(db: Database, tenant: str) -> list[Refused]:
    """The connections of a tenant that need re-authorization, by name."""
    async with db.session(tenant) as session:
        rows = await session.exec(select(Connection).where(Connection.status == "needs_reauth"))
        found = [
            Refused(tenant, row.name, row.system, row.reason or "", row.updated_at, row.told_at is not None)
            for row in rows
        ]
    return sorted(found, key=lambda one: one.connection)


async def require_usable(db: Database, tenant: str, name: str) -> None:
    """Raise Disconnected for a connection that waits for a person, without asking the vendor again."""
    async with db.session(tenant) as session:
        known = await session.get(Connection, (tenant, name))
    if known is not None and known.status == "needs_reauth":
        raise Disconnected(
            f"{tenant}/{name} must be reconnected ({known.reason}); then `ml-connector ping {tenant}` clears it",
            phase="connect",
        )


async def needs_reauth(db: Database, tenant: str, name: str, system: str, reason: str) -> None:
    """Mark a connection whose credential is refused, so that no flow asks the vendor until it is mended."""
    async with db.session(tenant) as session:
        _refuse(await _row(session, tenant, name, system), reason)


async def refusal_told(db: Database, refused: Refused) -> None:
    """Note that somebody was told of it, unless it is refused anew since."""
    async with db.session(refused.tenant) as session:
        row = await _row(session, refused.tenant, refused.connection, refused.system)
        if row.updated_at == refused.since:
            row.told_at = datetime.now(UTC)


async def credential_changed(db: Database, tenant: str, name: str) -> None:
    """A person has given a new credential: let the flows try it."""
    async with db.session(tenant) as session:
        known = await session.get(Connection, (tenant, name))
        if known is not None and known.status == "needs_reauth":
            known.status, known.reason, known.updated_at = "new", None, datetime.now(UTC)
            session.add(known)


async def record_identity(db: Database, tenant: str, name: str, system: str, identity: str) -> None:
    """Note which account a working connection reaches.

    Misconfigured if it is another account than before (test against live): no flow may use it then.
    """
    async with db.session(tenant) as session:
        row = await _row(session, tenant, name, system)
        before = row.identity
        if before is not None and before != identity:
            _refuse(row, f"it reaches the account {identity} instead of {before}")
        else:
            row.status, row.identity, row.reason, row.updated_at = "ok", identity, None, datetime.now(UTC)
    if before is not None and before != identity:
        raise Misconfigured(
            f"{tenant}/{name} used to reach the account {before} and now reaches {identity}: its links and "
            f"watermarks belong to the first one. Use another connection name for another account",
            phase="connect",
        )


def _refuse(row: Connection, reason: str) -> None:
    if row.status != "needs_reauth":
        row.updated_at, row.told_at = datetime.now(UTC), None  # since when it is so
    row.status, row.reason = "needs_reauth", reason


async def _row(session: AsyncSession, tenant: str, name: str, system: str) -> Connection:
    known = await session.get(Connection, (tenant, name), with_for_update=True)
    row = known or Connection(tenant=tenant, name=name, system=system)
    session.add(row)
    return row

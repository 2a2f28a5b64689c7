"""``resolve``: say of one record what became of it, where the connector cannot know."""

from __future__ import annotations

from ml_connector.cli import console
from ml_connector.cli.database import open_database
from ml_connector.cli.person import whoami
from ml_connector.cli.tenant_names import require_tenant
from ml_connector.core.errors import AbortRun, Misconfigured
from ml_connector.core.lease import LeaseTaken, leased
from ml_connector.core.resolve import Unfinished, Verdict, unfinished
from ml_connector.core.resolve import resolve as move
from ml_connector.core.settings import settings

PATIENCE = 15.0
"""Seconds to wait for a run that is writing the stream."""


async def resolve(tenant: str, key: str, verdict: Verdict, reason: str) -> None:
    """Move the one unfinished effect that ``key`` names. Several: they are listed, and Misconfigured."""
    if not reason.strip():
        raise Misconfigured("give a --reason: it stands in the audit")
    who = whoami()
    async with open_database() as db:
        await require_tenant(db, tenant)
        effect = _only(tenant, key, await unfinished(db, tenant, key))
        ttl = settings().lease_seconds
        try:
            async with leased(
                db, tenant, [effect.stream], holder=f"resolve by {who}", ttl=ttl, patience=PATIENCE
            ) as lease:
                await move(db, lease, tenant, effect, verdict, actor=who, reason=reason)
        except LeaseTaken as taken:
            raise AbortRun(f"{taken}: resolve it when that has ended") from None
    after = "the next run sends it again" if verdict == "not-applied" else "no run takes it up any more"
    console.out.print(f"{effect.source_id} of {effect.stream}, which was {effect.state}: {verdict}; {after}.")


def _only(tenant: str, key: str, found: list[Unfinished]) -> Unfinished:
    if not found:
        raise Misconfigured(
            f"tenant {tenant} has nothing unfinished of {key}: "
            f"`ml-connector audit {tenant} --record {key}` has its story"
        )
    if len(found) == 1:
        return found[0]
    listed = console.table("id", "stream", "record", "version", "state", "reason")
    for one in found:
        cells = (one.effect_id, one.stream, one.source_id, f"{one.version_at:%Y-%m-%d %H:%M:%S}", one.state, one.reason)
        listed.add_row(*[console.cell(cell) for cell in cells])
    console.out.print(listed)
    raise Misconfigured(f"{key} names {len(found)} unfinished effects: take one by its id")

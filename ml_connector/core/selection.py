"""Which records a replay takes up: by run, by record, by state, by time, or several of these together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from ml_connector.core import ledger_sql as sql
from ml_connector.core.db import Database

FINISHED = ("applied", "unchanged", "rejected", "superseded", "abandoned", "digested")
REPLAYABLE = (*FINISHED, "held", "needs_human")
"""An effect in any other state is still on its way: every run of its stream takes it up where it stands."""


@dataclass(slots=True, frozen=True)
class Selection:
    """The newest version of each object that fits all that is given; what is None does not restrict.

    ``run_id`` is ours. ``keys``: a record's id at the source or the destination, or the number that people know it by.
    ``since`` and ``until``: when its effect was last moved. ``resend``: also what was applied at a destination that
    would then hold it twice.
    """

    run_id: UUID | None = None
    keys: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    states: tuple[str, ...] | None = None
    """None: all that are finished."""
    resend: bool = False
    actor: str | None = None
    reason: str = "replay"

    @property
    def is_empty(self) -> bool:
        """Whether nothing restricts it."""
        return not (self.run_id or self.keys or self.since or self.until or self.states)

    def values(self, states: Sequence[str], *, resend: bool) -> dict[str, Any]:
        """What the statement ``SELECTED`` wants to know of it."""
        return {
            "run": self.run_id,
            "keys": list(self.keys) if self.keys else None,
            "since": self.since,
            "until": self.until,
            "states": list(states),
            "resend": resend,
        }


async def streams_of(db: Database, tenant: str, selection: Selection, begun: UUID | None) -> list[str]:
    """The streams that a replay concerns: with something selected, or begun already by attempt ``begun``."""
    values = selection.values(selection.states or FINISHED, resend=True)
    async with db.tenant(tenant) as conn:
        rows = await conn.execute(sql.STREAMS_SELECTED, {**values, "into": begun or UUID(int=0)})
        return [row[0] for row in await rows.fetchall()]

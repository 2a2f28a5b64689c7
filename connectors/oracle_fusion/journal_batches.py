"""Our batches in the General Ledger, as Oracle has them: what was posted, whatever our own database knows of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from connectors.oracle_fusion import instants
from connectors.oracle_fusion.amounts import amount
from connectors.oracle_fusion.client import OracleFusion, Root
from connectors.oracle_fusion.journal_names import PREFIX, BatchName
from connectors.oracle_fusion.literals import literal
from connectors.oracle_fusion.rows import children, normalised
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.errors import Misconfigured, RetryLater
from ml_connector.core.records import Body

ROOT: Root = "fscmRestApi"
RESOURCE = "journalBatches"
ALL = f"{PREFIX}%"
AT_ONCE = 20
"""Names asked for in one query; more make it too long."""


@dataclass(slots=True, frozen=True)
class PostedJournal:
    """A batch of ours. ``order`` is `journal_names.order_part` of the order's number."""

    batch_id: str
    name: str
    """Ours and Oracle's words behind it."""
    order: str
    task: str
    completed_at: datetime
    amount: Decimal | None = field(repr=False)
    """The debits in ``currency``, which are the credits too; None where they are not, or the batch has several
    journals: then somebody has changed it."""
    currency: str | None
    status: str
    """P posted, U unposted, and so on (`journal_models.JournalBatch`)."""
    period: str | None
    description: str | None = field(default=None, repr=False)
    created_at: datetime | None = None

    @property
    def completion(self) -> BatchName:
        return BatchName(self.order, self.task, self.completed_at)


async def posted(client: OracleFusion, like: str | Sequence[str] = ALL, period: str = "") -> list[PostedJournal]:
    """All batches of ours whose names are like one of these (``%`` for anything), in the order of their ids.

    ``period``: only those of one accounting period, such as ``Oct-26``. Batches of others are left out, even where
    their names begin with ours.
    """
    patterns = [like] if isinstance(like, str) else list(like)
    found: dict[str, PostedJournal] = {}
    for n in range(0, len(patterns), AT_ONCE):
        async for row in _rows(client, patterns[n : n + AT_ONCE], period):
            if (batch := _batch(row)) is not None:
                found[batch.batch_id] = batch
    return sorted(found.values(), key=lambda batch: int(batch.batch_id))


def of_order(order: str) -> str:
    """What the names of all batches of an order are like; those of others may be like it too (``_``)."""
    return f"{PREFIX}{order}-%"


def of_task(task: str) -> str:
    """What the names of all batches of a task are like, whatever order it named at the time."""
    return f"{PREFIX}%-{task}-%"


async def _rows(client: OracleFusion, patterns: Iterable[str], period: str) -> AsyncIterator[Body]:
    """By id, never by offset: a batch that is deleted meanwhile would shift another one out of sight."""
    names = " or ".join(f"BatchName LIKE {_literal(pattern)}" for pattern in patterns)
    last = 0
    while True:
        clauses = [f"DefaultPeriodName = {_literal(period)}"] if period else []
        clauses += [f"JeBatchId > {last}"] if last else []
        q = " and ".join([*clauses, f"({names})"]) if clauses else names
        page = await client.rows(ROOT, RESOURCE, q=q, order_by="JeBatchId:asc", expand="journalHeaders")
        if not page.rows and page.has_more:
            raise RetryLater(
                "an empty page came that says that there are more rows: ask again later",
                vendor=SYSTEM,
                phase=client.operation(ROOT, RESOURCE),
            )
        if not page.rows:
            return
        for row in page.rows:
            yield row
        newest = max(int(row["JeBatchId"]) for row in page.rows)
        if newest <= last:
            raise RetryLater("the same batches came twice", vendor=SYSTEM, phase=client.operation(ROOT, RESOURCE))
        last = newest


def _batch(row: Body) -> PostedJournal | None:
    batch = normalised(row)
    name = str(batch.get("BatchName", ""))
    known = BatchName.parse(name)
    if known is None:
        return None
    created = instants.parse(batch.get("CreationDate"))
    journals = children(row.get("journalHeaders"))
    return PostedJournal(
        batch_id=str(batch["JeBatchId"]),
        name=name,
        order=known.order,
        task=known.task,
        completed_at=known.completed_at,
        amount=_amount(journals),
        currency=journals[0].get("CurrencyCode") if len(journals) == 1 else None,
        status=str(batch.get("Status", "")),
        period=batch.get("DefaultPeriodName"),
        description=batch.get("BatchDescription"),
        created_at=created.at if created else None,
    )


def _amount(journals: Sequence[Body]) -> Decimal | None:
    if len(journals) != 1:
        return None
    debited, credited = (amount(journals[0].get(name), name) for name in ("RunningTotalDr", "RunningTotalCr"))
    return debited if debited == credited else None


def _literal(text: str) -> str:
    written = literal(text.replace("%", ""))
    if written is None:
        raise Misconfigured("the name of a batch or a period has characters that Oracle cannot be asked for")
    return f"'{text}'"

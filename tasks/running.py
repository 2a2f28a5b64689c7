"""A run that holds its leases: what has gone wrong in it so far, and whether it goes on.

A plain ``__slots__`` class: it is a task argument, and Prefect looks into anything else (see ``core/chunk.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from ml_connector.core.chunk import Chunk, Item
from ml_connector.core.db import Database
from ml_connector.core.errors import LeaseLost, Reauthenticate, SafeError
from ml_connector.core.lease import Lease
from ml_connector.core.runs import Run
from ml_connector.core.tenant_config import AbsenceThreshold
from tasks.stream import Stream

TIRED = 3
"""So often a record has been in a chunk that failed, within one run, when it is left for the next run."""


class OpenRun:
    """A run that holds its leases."""

    __slots__ = (
        "_failed",
        "_in_a_row",
        "absence_threshold",
        "db",
        "failures",
        "integration",
        "lease",
        "refused",
        "reject_limit",
        "run",
        "stopped",
        "streams",
        "tenant",
    )

    def __init__(
        self,
        tenant: str,
        integration: str,
        run: Run,
        db: Database,
        lease: Lease,
        reject_limit: tuple[float, int],
        absence_threshold: AbsenceThreshold,
    ) -> None:
        self.tenant = tenant
        self.integration = integration
        self.run = run
        self.db = db
        self.lease = lease
        self.reject_limit = reject_limit
        """The share of rejected records from which the run fails, and the number below which it never does."""
        self.absence_threshold = absence_threshold
        self.streams: list[Stream] = []
        self.failures: list[str] = []
        self.refused: dict[str, str] = {}
        """Systems that refused our credential, with what they said."""
        self.stopped = False
        self._failed: Counter[UUID] = Counter()
        self._in_a_row = 0

    @contextmanager
    def tolerating(self, chunk: Chunk | None = None) -> Iterator[None]:
        """Let a chunk fail without the others: its records are open in the ledger, the failure is told at the end.

        The same records once more say nothing new about the others, so that they count once towards those in a row.
        """
        try:
            yield
        except SafeError as error:
            ids = [item.effect_id for item in chunk.items] if chunk else []
            again = bool(ids) and all(self._failed[one] for one in ids)
            self._failed.update(ids)
            if not again or error.fatal or str(error) not in self.failures:
                self.note(error, again=again)
        else:
            self._in_a_row = 0

    def is_tired(self, item: Item) -> bool:
        """Whether this run has tried the record often enough."""
        return self._failed[item.effect_id] >= TIRED

    def note(self, error: SafeError, *, again: bool = False) -> None:
        """Keep a failure for the end of the run.

        The third in a row, and any that concerns more than its chunk, stops admission: what is in flight is finished,
        nothing new is begun. A lost lease is raised at once: the run belongs to somebody else now.
        """
        if error.kind == LeaseLost.__name__:
            raise error
        self.failures.append(str(error))
        if error.kind == Reauthenticate.__name__:
            self.refused[error.vendor] = str(error)
        self._in_a_row += not again
        self.stopped = self.stopped or error.fatal or self._in_a_row == 3

    def __repr__(self) -> str:
        return f"<OpenRun {self.run.id} of {self.tenant}/{self.integration}>"

"""What is known of a submission whose batch has not been seen yet. It is kept as the destination id of the effect."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

_WRITTEN = re.compile(
    r"group (?P<group>\d+)(?:, job (?P<job>\d+))?(?P<unsent>, not sent)?(?: \(in doubt since (?P<since>[^)]+)\))?"
)


@dataclass(slots=True, frozen=True)
class Trace:
    """``job``: the process that the answer named, the loader of the file or the import (`journal_imports`); None: the
    answer that would name it was lost. ``since``: when, by Oracle's clock, it was first seen that the import had ended
    or that there is no job to ask about; the batch may still appear then, for a while."""

    group: str
    job: str | None = None
    since: datetime | None = None
    unsent: bool = False
    """It was not sent, because Oracle has a file of the same completion that we know nothing of."""

    @classmethod
    def of(cls, dest_id: str | None, group: str) -> Self:
        """What a destination id tells of the submission of this group; nothing, if it is about another one.

        An effect keeps the id of its last submission: after a crash in the next one it is not that one's.
        """
        found = _WRITTEN.fullmatch(dest_id or "")
        if found is None or found["group"] != group:
            return cls(group)
        since = datetime.fromisoformat(found["since"]) if found["since"] else None
        return cls(group, found["job"], since, bool(found["unsent"]))

    def doubted(self, now: datetime) -> Self:
        return self if self.since else replace(self, since=now)

    def __str__(self) -> str:
        job = f", job {self.job}" if self.job else ""
        since = f" (in doubt since {self.since.isoformat()})" if self.since else ""
        return f"group {self.group}{job}{', not sent' if self.unsent else ''}{since}"

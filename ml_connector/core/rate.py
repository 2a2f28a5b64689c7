"""Rate limits that hold over all processes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml_connector.core.db import Database


@dataclass(slots=True, frozen=True)
class Limit:
    key: str
    per_minute: float
    burst: int


class Limiter:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def acquire(self, limits: Sequence[Limit]) -> None: ...

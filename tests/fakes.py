"""A source and a destination in memory, for tests of what stands between them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ml_connector.core.errors import RejectRecord, RetryLater
from ml_connector.core.records import Decision, Intent, Outcome, Page, Resend, SourceRecord, State, Window

START = datetime(2026, 11, 1, tzinfo=UTC)


class FakeSource:
    """Rows by id with the minute of their last change."""

    system = "fake_erp"
    operation = "REST customers"

    def __init__(self, *, windowed: bool = True, page: int = 10) -> None:
        self.windowed = windowed
        self.continues = False
        self.page = page
        self.now = START + timedelta(days=1)
        self.rows: dict[str, tuple[datetime, dict[str, Any]]] = {}
        self.reads = 0
        self.down = False

    def put(self, source_id: str, **body: Any) -> None:
        self.now += timedelta(minutes=1)
        self.rows[source_id] = (self.now, {"id": source_id, **body})

    async def clock(self) -> datetime:
        return self.now

    async def read(self, window: Window, cursor: str | None) -> AsyncIterator[Page]:
        after = tuple(json.loads(cursor)) if cursor else ("", "")
        rows = sorted((at.isoformat(), key) for key, (at, _) in self.rows.items() if self._in(window, at))
        rows = [row for row in rows if row > after]
        for n in range(0, len(rows), self.page):
            if self.down:
                raise RetryLater("the ERP is down", vendor=self.system)
            self.reads += 1
            page = rows[n : n + self.page]
            records = [
                SourceRecord(key, at if self.windowed else None, body, body.get("number"))
                for key, (at, body) in ((key, self.rows[key]) for _, key in page)
            ]
            yield Page(records, json.dumps(page[-1]))

    def _in(self, window: Window, at: datetime) -> bool:
        return not self.windowed or (at <= window.hi and (window.lo is None or at > window.lo))


class FakeMapping:
    """Takes ``name`` (refuses "poison") and ``parent``."""

    hash = "0" * 64

    def wants(self, body: dict[str, Any]) -> bool:
        return body.get("name") != "unwanted"

    def unchosen(self, body: dict[str, Any]) -> str | None:  # noqa: ARG002
        return None

    def apply(self, body: dict[str, Any]) -> dict[str, Any]:
        if body["name"] == "poison":
            raise RejectRecord("name, from `name`: it is poison")
        return {key: body[key] for key in ("name", "parent") if key in body}


class FakeDestination:
    """Objects by id; every write is counted in ``writes``. ``fate`` decides per source id what a write meets."""

    system = "fake_desk"
    operation = "PUT objects"
    resend = Resend.FREELY
    settle_seconds = 0.0

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.writes: list[tuple[str, dict[str, Any]]] = []
        self.fate: dict[str, list[str]] = {}
        self.unreachable = False

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:
        if self.unreachable:
            raise RetryLater("the desk is down", vendor=self.system)
        return [
            Decision(
                i.effect_id,
                i.source_id,
                "update" if i.dest_id else "create",
                {"source_id": i.source_id, **i.payload},
                i.dest_id,
                changed=tuple(i.payload) if preview else (),
            )
            for i in intents
        ]

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        for d in decisions:
            fates = self.fate.get(d.source_id, [])
            fate = fates.pop(0) if fates else "ok"
            if fate == "refused":
                yield [Outcome(d.effect_id, State.REJECTED, d.action, reason="name: Invalid")]
            elif fate == "busy":
                yield [Outcome(d.effect_id, State.RETRY_WAIT, d.action, reason="429", retry_after=0.0)]
            else:
                if fate != "lost before":
                    self._write(d)
                if fate in ("lost before", "lost after"):
                    yield [Outcome(d.effect_id, State.AMBIGUOUS, d.action, reason="timeout")]
                else:
                    yield [Outcome(d.effect_id, State.APPLIED, d.action, dest_id=f"d-{d.source_id}")]

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        return [
            Outcome(d.effect_id, State.APPLIED, d.action or "update", dest_id=f"d-{d.source_id}", reason="probed")
            if self.objects.get(d.source_id) == d.request
            else Outcome(d.effect_id, State.RETRY_WAIT, reason="it was not applied")
            for d in decisions
        ]

    def _write(self, decision: Decision) -> None:
        self.objects[decision.source_id] = decision.request
        self.writes.append((decision.source_id, decision.request))

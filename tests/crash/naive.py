"""The design that everybody writes first: read what changed, send it, then remember how far it was read.

The harness must catch it, or the harness proves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ml_connector.core.crashpoints import crashpoint
from ml_connector.core.ids import uuid7
from ml_connector.core.records import Intent, State, Window
from tasks.stream import Route
from tasks.workspace import open_workspace


class Naive:
    """Sends, then saves its watermark to a file; or, ``forgetful``, saves first and then sends."""

    def __init__(self, folder: Path, *, forgetful: bool) -> None:
        self.folder = folder
        self.forgetful = forgetful

    async def __call__(self, run: str, count: int) -> bool:  # noqa: ARG002 - it knows no runs
        async with open_workspace("acme") as workspace:
            for route in await workspace.routes("oracle_zendesk", ("organizations", "users")):
                await self._stream(route)
        return True

    async def _stream(self, route: Route) -> None:
        mark = self.folder / route.name
        done = set(mark.read_text().split()) if mark.exists() else set()
        window = Window(None, await route.source.clock())
        async for page in route.source.read(window, None):
            fresh = [r for r in page.records if f"{r.source_id}@{r.modified_at:%s%f}" not in done]
            done |= {f"{r.source_id}@{r.modified_at:%s%f}" for r in fresh}
            intents = []
            for record in fresh:
                payload = route.mapping.apply(record.body)
                payload.pop("organization_id", None)
                intents.append(Intent(uuid7(), record.source_id, payload, None, force=True))
            if self.forgetful:
                self._save(mark, done)
            await self._send(route, intents)
            if not self.forgetful:
                self._save(mark, done)

    async def _send(self, route: Route, intents: Sequence[Intent]) -> None:
        decisions = await route.destination.decide(intents)
        ready = [d for d in decisions if d.state in (None, State.UNCHANGED)]
        async for _ in route.destination.send(ready):
            crashpoint("naive.sent")

    def _save(self, mark: Path, done: set[str]) -> None:
        crashpoint("naive.saving")
        mark.write_text(" ".join(sorted(done)))
        crashpoint("naive.saved")

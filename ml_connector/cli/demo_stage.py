"""How the demo lets something happen, waits for it, and counts at the emulators what came of it."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import UTC, datetime

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import FlowFilter, FlowFilterName
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.sorting import FlowRunSort

from ml_connector.cli.demo_secrets import TENANT
from ml_connector.cli.demo_summary import Act
from ml_connector.cli.emulators import Emulators
from ml_connector.cli.follow import follow
from ml_connector.cli.prefect_api import page_of
from ml_connector.cli.run import start
from ml_connector.core.errors import AbortRun

_PATIENCE = 120.0
"""Seconds that events may take to have their effects."""


@dataclass(slots=True, frozen=True)
class Scene:
    """What a flow must bring about, as `Emulators.effects` counts it."""

    title: str
    flow: str
    expected: Counter[str]


class Stage:
    """``acts``: what has happened on it so far."""

    def __init__(self, client: PrefectClient, vendors: Emulators) -> None:
        self.acts: list[Act] = []
        self._client = client
        self._vendors = vendors

    async def run(self, *scenes: Scene) -> None:
        """Run the flows at the same time; each must have destinations of its own, by which it is counted."""
        _, before = await self._vendors.effects(0)
        began = datetime.now(UTC)
        started = [await start(self._client, TENANT, scene.flow, {}) for scene in scenes]
        ended = [await self._end(run, scene) for run, scene in zip(started, scenes, strict=True)]
        seen, _ = await self._vendors.effects(before)
        for scene, run, at in zip(scenes, started, ended, strict=True):
            seconds = round((at - began).total_seconds(), 1)
            self.acts.append(Act(scene.title, str(run.id), seconds, scene.expected, _at_its_own(scene, seen)))

    async def hear(self, scene: Scene, happens: Awaitable[object]) -> None:
        """Something happens at a vendor, which tells us by webhook; whoever rings and drains does so by itself."""
        _, before = await self._vendors.effects(0)
        began = time.monotonic()
        await happens
        seen: Counter[str] = Counter()
        while scene.expected - seen and time.monotonic() - began < _PATIENCE:
            await asyncio.sleep(0.2)
            seen, _ = await self._vendors.effects(before)
        seconds = round(time.monotonic() - began, 1)
        self.acts.append(Act(scene.title, await self._last_run(scene.flow), seconds, scene.expected, seen))

    async def _end(self, run: FlowRun, scene: Scene) -> datetime:
        state = await follow(self._client, run.id, label=scene.title)
        if not state.is_completed():
            raise AbortRun(f"the run ended as {state.name}: {state.message}; see {page_of(run.id)}")
        return state.timestamp

    async def _last_run(self, flow: str) -> str:
        runs = await self._client.read_flow_runs(
            flow_filter=FlowFilter(name=FlowFilterName(any_=[flow])),
            sort=FlowRunSort.EXPECTED_START_TIME_DESC,
            limit=1,
        )
        return str(runs[0].id) if runs else ""


def _at_its_own(scene: Scene, seen: Counter[str]) -> Counter[str]:
    own = {kind.partition(" ")[0] for kind in scene.expected}
    return Counter({kind: count for kind, count in seen.items() if kind.partition(" ")[0] in own})

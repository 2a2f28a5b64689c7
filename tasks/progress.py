"""The progress artifact of a run that is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.context import FlowRunContext

from ml_connector.core import watermarks
from ml_connector.core.concurrently import ended
from tasks.running import OpenRun

EVERY = 2.0
"""Seconds between two updates: each is a call to Prefect's API."""


@asynccontextmanager
async def progress(run: OpenRun) -> AsyncIterator[None]:
    """Show how far the run is while the body works: streams done, and of the current one the share that is written."""
    if FlowRunContext.get() is None:
        yield
        return
    key = f"{run.tenant}-{run.integration}-progress".replace("_", "-")
    artifact = await acreate_progress_artifact(progress=0.0, key=key, description="records written of those read")
    reporter = asyncio.create_task(report(run, artifact))
    try:
        yield
    finally:
        await ended([reporter])
    with suppress(Exception):
        await aupdate_progress_artifact(artifact, progress=100.0)


async def report(run: OpenRun, artifact: UUID) -> None:
    """Bring the artifact up to date for ever. Whatever keeps it from that is no reason for the run to fail."""
    while True:
        await asyncio.sleep(EVERY)
        with suppress(Exception):
            await aupdate_progress_artifact(artifact, progress=await _share(run))


async def _share(run: OpenRun) -> float:
    shares = []
    for stream in run.streams:
        position = await watermarks.progress(run.db, run.tenant, run.run.id, stream.route.key)
        if position is None:
            shares.append(0.0)
        else:
            expected = max(position.fetched - position.known, stream.settled, 1)
            shares.append(1.0 if position.complete and stream.settled >= expected else 0.99 * stream.settled / expected)
    return 100.0 * sum(shares) / max(len(shares), 1)

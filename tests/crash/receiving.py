"""The receiver of the processes that the crash harness kills: each serves one address, as long as it lives."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext

from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys
from ml_connector.receiver.app import create_app
from ml_connector.receiver.metrics import Metrics
from ml_connector.receiver.serve import listen, server
from tests.installation import Installation
from tests.receiver.running import PATIENT

_ON_THE_WAY = 20.0
"""Seconds after which a delivery that has not come has been lost."""


class Address:
    """Where vendors send their events, whichever process is there."""

    def __init__(self, installed: Installation) -> None:
        self._installed = installed
        self._listener = listen("127.0.0.1", 0)
        os.environ["ML_CONNECTOR_PUBLIC_URL"] = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        settings.cache_clear()

    def close(self) -> None:
        self._listener.close()
        del os.environ["ML_CONNECTOR_PUBLIC_URL"]
        settings.cache_clear()

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """By this process. No Prefect is rung. Await what this yields for deliveries that are on their way to come."""
        metrics = Metrics()
        master = MasterKeys.load(settings())
        app = create_app(
            self._installed.database_url, master, metrics, limits=PATIENT, flow_runs=lambda: nullcontext(None)
        )
        receiver = server(app, metrics, PATIENT)
        listener = self._listener.dup()  # which the server closes
        serving = asyncio.create_task(receiver.serve(sockets=[listener]))
        while not receiver.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.002)

        async def delivered() -> None:
            ends = time.monotonic() + _ON_THE_WAY
            while not _has_counted(metrics) and time.monotonic() < ends:  # noqa: ASYNC110 - a counter has no event
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.05)  # for the others

        yield delivered
        receiver.should_exit = True
        await serving


def _has_counted(metrics: Metrics) -> bool:
    return any(metric.samples for metric in metrics.deliveries.collect())

"""``up``: all that is needed on this machine, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable

from ml_connector.cli import console, services
from ml_connector.cli.demo_secrets import store_sandbox_secrets
from ml_connector.cli.services import until
from ml_connector.cli.stack import Stack, running
from ml_connector.core.settings import ADDRESSES, HOME


async def up(*, once: bool, port: int) -> int:
    """Start everything and wait; with ``once`` only see that it starts."""

    async def stay(stack: Stack) -> int:
        await until(stack.children, "worker", services.worker_is_online)
        await store_sandbox_secrets()
        console.out.print(f"Prefect UI   {stack.ui}", highlight=False)
        console.out.print(f"Receiver     {stack.addresses['ML_CONNECTOR_PUBLIC_URL']}", highlight=False)
        console.out.print(f"Sandbox      {stack.sandbox}", highlight=False)
        console.out.print(f"Addresses    {ADDRESSES} (our commands read it in any terminal)", highlight=False)
        console.out.print(f"Logs         {HOME / 'logs'}", highlight=False)
        if not once:
            await until_stopped()
        return 0

    return await keep_up(port, stay)


async def until_stopped() -> None:
    """Wait for Ctrl-C."""
    console.out.print("Ctrl-C stops everything.")
    await asyncio.Event().wait()


async def keep_up(port: int, work: Callable[[Stack], Awaitable[int]], *, fresh: bool = False) -> int:
    """Do ``work`` while everything runs; end it when one of the processes dies or we are asked to stop.

    Its result is the exit code; being stopped is no failure. AbortRun names the process that died.
    """
    _stop_when_asked()
    try:
        async with running(port, fresh=fresh) as stack:
            return await _unless_one_dies(stack, work)
    except asyncio.CancelledError:
        return 0


async def _unless_one_dies(stack: Stack, work: Callable[[Stack], Awaitable[int]]) -> int:
    working = asyncio.ensure_future(work(stack))
    watching = asyncio.create_task(stack.children.watch())
    try:
        await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else await watching
    finally:
        for one in (working, watching):
            one.cancel()
        await asyncio.gather(working, watching, return_exceptions=True)


def _stop_when_asked() -> None:
    """The first Ctrl-C, SIGTERM or hang-up ends us in order; more of them are ignored, so that nothing is left."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - we are inside one
    loop = asyncio.get_running_loop()
    asked = False

    def stop() -> None:
        nonlocal asked
        if not asked:
            asked = True
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)

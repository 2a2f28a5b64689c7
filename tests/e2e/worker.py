"""A process that runs flows of several tenants again and again, side by side, until it is killed.

``python -m tests.e2e.worker '[["qad_zendesk:sync_customers", "acme"]]'``: what a worker's processes do together. Of two
such workers the one that comes later to a stream is turned away.
"""

from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module

from tasks import events
from tests.installation import tell


async def again_and_again(flow: str, tenant: str) -> None:
    module, _, name = flow.partition(":")
    while True:
        await tell(getattr(import_module(f"flows.{module}"), name), tenant=tenant)
        await asyncio.sleep(3)


async def main() -> None:
    events.LINGER = 0.0
    await asyncio.gather(*(again_and_again(flow, tenant) for flow, tenant in json.loads(sys.argv[1])))


if __name__ == "__main__":
    asyncio.run(main())

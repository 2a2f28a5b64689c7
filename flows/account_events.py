"""Account events: what vendors tell of the accounts themselves. What they tell of records is for other flows.

Entrypoint of the deployments `account-events/<tenant>`, for which the receiver rings.
"""

from __future__ import annotations

from prefect import flow

from tasks.account_events import FLOW, heed_all
from tasks.names import account_events_name
from tasks.story import story
from tasks.workspace import open_workspace


@flow(name=FLOW, flow_run_name=account_events_name, persist_result=False)
@story
async def account_events(tenant: str) -> str | None:
    """Look at what has been told of a tenant's accounts, and tell a person what must be done.

    A connection whose token was revoked is marked, so that no run asks in vain; of a channel that is archived, renamed
    or gone the routing rules that point there are named. Everything else that was told is kept. What cannot be looked
    at comes again by itself.
    """
    async with open_workspace(tenant) as workspace:
        return await heed_all(workspace)

"""The e-mail addresses of users: one is the primary one, and each belongs to one user at most.

https://developer.zendesk.com/api-reference/ticketing/users/user_identities/
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from connectors.zendesk.client import PER_CALL, Zendesk
from ml_connector.core.concurrently import together
from ml_connector.core.records import Body


async def email_identities(client: Zendesk, user_id: str) -> list[Body]:
    """Those of one user."""
    pages = client.pages(f"/users/{user_id}/identities", "identities")
    return [one async for page in pages for one in page if one.get("type") == "email"]


async def owns(client: Zendesk, user_id: str, address: str) -> bool:
    """Whether a user has proved that an address is its own."""
    found = await email_identities(client, user_id)
    return any(one.get("verified") is True and _same(one, address) for one in found)


async def addresses_of(client: Zendesk, users: Sequence[Body]) -> dict[str, list[str]]:
    """By user id, in one call for each 100 users.

    https://support.zendesk.com/hc/en-us/community/posts/4410103990042 has ``include``, which the reference does not
    show for this call: who has an address of which it says nothing is asked for singly.
    """
    ids = [str(user["id"]) for user in users]
    parts = [ids[n : n + PER_CALL] for n in range(0, len(ids), PER_CALL)]
    calls = [client.get("/users/show_many", ids=",".join(part), include="identities") for part in parts]
    found: dict[str, list[str]] = defaultdict(list)
    for answer in await together(calls):
        for one in answer.get("identities") or []:
            if one.get("type") == "email":
                found[str(one["user_id"])].append(str(one["value"]))
    unsaid = [str(user["id"]) for user in users if user.get("email") and str(user["id"]) not in found]
    for user_id, identities in zip(
        unsaid, await together([email_identities(client, user_id) for user_id in unsaid]), strict=True
    ):
        found[user_id] = [str(one["value"]) for one in identities]
    return found


def _same(identity: Body, address: str) -> bool:
    return str(identity.get("value") or "").strip().casefold() == address.strip().casefold()

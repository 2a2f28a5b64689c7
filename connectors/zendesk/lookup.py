"""Which of Zendesk's objects an intent is about: by the linked id, else by external id."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from connectors.zendesk.client import Zendesk
from ml_connector.core.records import Body, Intent


@dataclass(slots=True, frozen=True)
class Key:
    """What an object is looked up by."""

    id: str | None = None
    external_id: str | None = None


@dataclass(slots=True)
class Found:
    """What Zendesk holds; neither ``object`` nor ``conflict``: nothing."""

    object: Body | None = field(default=None, repr=False)
    conflict: str | None = None
    """Why it cannot be said which object is meant."""


async def find(client: Zendesk, kind: str, keys: Sequence[Key]) -> list[Found]:
    """One answer per key, in order. ``kind``: organizations or users.

    A linked object that is gone is looked up by its external id: somebody may have made it anew. Deleted users are
    gone too; Zendesk keeps showing them as inactive.
    """
    linked = {str(o["id"]): o for o in await client.show_many(kind, ids=[key.id for key in keys if key.id])}
    linked = {object_id: found for object_id, found in linked.items() if found.get("active") is not False}
    others = [key.external_id for key in keys if key.external_id and key.id not in linked]
    by_external_id: dict[str, list[Body]] = defaultdict(list)
    for found in await client.show_many(kind, external_ids=others):
        by_external_id[str(found.get("external_id")).casefold()].append(found)
    return [_choose(kind, key, linked, by_external_id) for key in keys]


def _choose(kind: str, key: Key, linked: dict[str, Body], by_external_id: dict[str, list[Body]]) -> Found:
    if key.id and (found := linked.get(key.id)):
        return Found(found)
    matches = by_external_id.get(key.external_id.casefold(), []) if key.external_id else []
    ids = ", ".join(str(match["id"]) for match in matches)
    if len(matches) > 1:
        # Old accounts have them, from before Zendesk refused a second one.
        return Found(conflict=f"several {kind} have this external id ({ids}): merge them in Zendesk, then replay")
    if matches and matches[0]["external_id"] != key.external_id:
        # Zendesk takes both for the same; they may well be two records of the ERP.
        return Found(conflict=f"the external id differs only in case from that of {kind} {ids}: use a prefix")
    return Found(matches[0]) if matches else Found()


def with_prefix(intents: Sequence[Intent], prefix: str) -> Sequence[Intent]:
    """The intents with the account's prefix before their external ids."""
    if not prefix:
        return intents
    return [replace(i, payload={**i.payload, "external_id": prefix + i.payload["external_id"]}) for i in intents]

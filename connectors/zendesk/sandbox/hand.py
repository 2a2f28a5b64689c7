"""What happens to a Zendesk account without us: records that were there before, and the hands of its agents.

None of it is recorded as an effect.
"""

from __future__ import annotations

import random
from typing import Any

from connectors.zendesk.sandbox.account import key_of
from connectors.zendesk.sandbox.http import Row, Write
from connectors.zendesk.sandbox.organization_records import OrganizationRecords
from connectors.zendesk.sandbox.user_records import UserRecords

BY_HAND = Write("by-hand", recorded=False)
WORDS = ("Alder", "Birch", "Cedar", "Dale", "Elm", "Fern", "Glen", "Heath", "Iris", "Juniper", "Knoll", "Larch")
CHANGES = frozenset({"keys", "where", "create", "set", "delete"})
FORMS = ("GmbH", "Ltd", "Inc", "SA", "BV")


def seed_organizations(records: OrganizationRecords, count: int, seed: int) -> int:
    """Every second one has an external id, ``legacy-{n}``; the names are unique."""
    chance = random.Random(seed)
    start = len(records.table)
    for number in range(start + 1, start + count + 1):
        sent: Row = {"name": f"{chance.choice(WORDS)} {chance.choice(WORDS)} {number} {chance.choice(FORMS)}"}
        if number % 2 == 0:
            sent["external_id"] = f"legacy-{number}"
        records.add(sent, BY_HAND)
    return count


def seed_users(records: UserRecords, count: int, seed: int) -> int:
    """End users with the address ``contact{n}@legacy.example``; every second one has an external id."""
    chance = random.Random(seed)
    start = len(records.table)
    for number in range(start + 1, start + count + 1):
        sent: Row = {
            "name": f"{chance.choice(WORDS)} {chance.choice(WORDS)}",
            "email": f"contact{number}@legacy.example",
        }
        if number % 2 == 0:
            sent["external_id"] = f"legacy-contact-{number}"
        records.add({**sent, "verified": True}, BY_HAND)
    return count


def mutate(records: OrganizationRecords | UserRecords, change: dict[str, Any]) -> list[str]:
    """Change records; the keys of those concerned (external ids, else ids).

    Which: ``keys`` as returned, or ``where``: attributes with their values, or ``create``: the attributes of a new
    one. How: ``set`` (attributes), or ``delete``. What Zendesk itself would refuse is refused here too.
    """
    if unknown := change.keys() - CHANGES:
        raise ValueError(f"a change has {', '.join(sorted(CHANGES))}; not {', '.join(sorted(unknown))}")
    if "create" in change:
        return [key_of(records.add(change["create"], BY_HAND))]
    rows = [row for row in records.table.all() if _chosen(row, change)]
    for row in rows:
        if change.get("delete"):
            records.remove(row, BY_HAND)
        else:
            records.change(row, change["set"], BY_HAND)
    return [key_of(row) for row in rows]


def _chosen(row: Row, change: dict[str, Any]) -> bool:
    if "keys" in change:
        return key_of(row) in {str(key) for key in change["keys"]}
    return all(row[name] == value for name, value in change["where"].items())

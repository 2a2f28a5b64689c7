"""Tickets that come in, and what agents do with them, without us. None of it is recorded as an effect."""

from __future__ import annotations

import random
from typing import Any

from connectors.zendesk.sandbox.hand import BY_HAND, WORDS
from connectors.zendesk.sandbox.http import Row, Write
from connectors.zendesk.sandbox.ticket_records import TicketRecords

AGENT: Row = {"name": "Sandbox Agent", "email": "agent@sandbox.example", "role": "agent", "verified": True}
SUBJECTS = ("Invoice is wrong", "Delivery is late", "Cannot sign in", "Please send an offer", "Part is broken")
CHANGES = frozenset({"keys", "where", "count", "create", "set", "comment", "delete"})


def seed(records: TicketRecords, count: int, seed: int) -> int:
    """One ticket after the other for the organizations that exist, each by a user of its organization."""
    chance = random.Random(seed)
    organization_ids = [row["id"] for row in records.account.organizations.all()] or [None]
    requesters = {row["organization_id"]: row for row in records.account.users.all() if row["role"] == "end-user"}
    write = _by_agent(records)
    for number in range(count):
        key = organization_ids[number % len(organization_ids)]
        if key not in requesters:
            requesters[key] = _requester(records, key, chance)
        sent: Row = {
            "subject": chance.choice(SUBJECTS),
            "comment": {"body": f"{chance.choice(SUBJECTS)}. It is about {chance.choice(WORDS)}."},
            "requester_id": requesters[key]["id"],
            "organization_id": key,
            "priority": chance.choice(("low", "normal", "high", "urgent")),
            "status": chance.choice(("new", "open", "pending")),
            "via": {"channel": chance.choice(("web", "email"))},
        }
        records.add(sent, write)
    return count


def mutate(records: TicketRecords, change: dict[str, Any]) -> list[str]:
    """Change tickets as an agent does; the ids of those concerned.

    Which: ``keys`` (ids), ``where``: attributes with their values, ``count``: so many of those that were left alone
    the longest and are not closed, or ``create``: the attributes of a new one. How: ``set`` (attributes), ``comment``
    (a text, or ``{body, public}``), both, or ``delete``. Who solves a ticket that is nobody's gets it.
    """
    if unknown := change.keys() - CHANGES:
        raise ValueError(f"a change has {', '.join(sorted(CHANGES))}; not {', '.join(sorted(unknown))}")
    write = _by_agent(records)
    if "create" in change:
        sent = {"subject": SUBJECTS[0], "comment": {"body": SUBJECTS[0]}, "via": {"channel": "web"}, **change["create"]}
        return [str(records.add({**sent, "comment": _comment(sent["comment"])}, write)["id"])]
    rows = _chosen(records, change)
    for row in rows:
        if change.get("delete"):
            records.remove(row, write)
        else:
            records.change(row, _sent(row, change, write), write)
    return [str(row["id"]) for row in rows]


def _sent(row: Row, change: dict[str, Any], write: Write) -> Row:
    sent = dict(change.get("set") or {})
    if "comment" in change:
        sent["comment"] = _comment(change["comment"])
    if sent.get("status") in ("solved", "closed") and not row["assignee_id"]:
        sent.setdefault("assignee_id", write.actor_id)
    return sent


def _comment(value: Any) -> Row:
    return {"body": value} if isinstance(value, str) else value


def _chosen(records: TicketRecords, change: dict[str, Any]) -> list[Row]:
    rows = [row for row in records.table.all() if row["status"] != "deleted"]
    if "keys" in change:
        keys = {str(key) for key in change["keys"]}
        return [row for row in rows if str(row["id"]) in keys]
    if "count" in change:
        open_rows = sorted((row for row in rows if row["status"] != "closed"), key=lambda row: row["updated_at"])
        return open_rows[: int(change["count"])]
    return [row for row in rows if all(row[name] == value for name, value in change["where"].items())]


def _by_agent(records: TicketRecords) -> Write:
    """The first thing that is done by hand brings the agent."""
    agent = records.users.identities.owner(AGENT["email"]) or records.users.add(dict(AGENT), BY_HAND)
    return Write("by-hand", recorded=False, actor_id=agent["id"])


def _requester(records: TicketRecords, organization_id: int | None, chance: random.Random) -> Row:
    sent: Row = {
        "name": f"{chance.choice(WORDS)} {chance.choice(WORDS)}",
        "email": f"requester{organization_id or ''}@customer.example",
        "verified": True,
    }
    return records.users.add({**sent, **({"organization_id": organization_id} if organization_id else {})}, BY_HAND)

"""What a ticket is made of, what Zendesk refuses to make one of, and its comments.

https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/
"""

from __future__ import annotations

from html import escape
from itertools import count

from connectors.zendesk.sandbox.account import BRAND_ID, Account, tag_list, text_or_none
from connectors.zendesk.sandbox.http import Problems, Refused, Row, Write, problem, record_invalid
from connectors.zendesk.sandbox.user_records import UserRecords

STATUSES = ("new", "open", "pending", "hold", "solved", "closed")
PRIORITIES = frozenset({"low", "normal", "high", "urgent"})
TYPES = frozenset({"problem", "incident", "question", "task"})
PLAIN = frozenset({"group_id", "due_at", "problem_id", "ticket_form_id", "recipient", "custom_status_id"})
WRITABLE = PLAIN | {
    "subject",
    "comment",
    "requester_id",
    "requester",
    "submitter_id",
    "assignee_id",
    "organization_id",
    "external_id",
    "status",
    "priority",
    "type",
    "tags",
    "additional_tags",
    "remove_tags",
    "custom_fields",
    "safe_update",
    "updated_stamp",
    "via",
}
BLANK: Row = {
    "external_id": None,
    "via": {"channel": "api", "source": {"from": {}, "to": {}, "rel": None}},
    "type": None,
    "subject": "",
    "raw_subject": "",
    "description": "",
    "priority": None,
    "status": "new",
    "recipient": None,
    "requester_id": None,
    "submitter_id": None,
    "assignee_id": None,
    "organization_id": None,
    "group_id": None,
    "collaborator_ids": [],
    "follower_ids": [],
    "email_cc_ids": [],
    "forum_topic_id": None,
    "problem_id": None,
    "has_incidents": False,
    "is_public": True,
    "due_at": None,
    "tags": [],
    "custom_fields": [],
    "satisfaction_rating": None,
    "sharing_agreement_ids": [],
    "custom_status_id": None,
    "fields": [],
    "followup_ids": [],
    "ticket_form_id": None,
    "brand_id": BRAND_ID,
    "allow_channelback": False,
    "allow_attachments": True,
    "from_messaging_channel": False,
}
CLOSED = "Status: closed prevents ticket update"
STALE = {
    "error": "UpdateConflict",
    "description": "Safe Update prevented the update due to outdated ticket data. "
    "Please fetch the latest ticket data and try again.",
}


class TicketRecords:
    """Reads and writes tickets; knows nothing of HTTP. Custom fields of any id are taken: none are declared here."""

    def __init__(self, account: Account, users: UserRecords) -> None:
        self.account = account
        self.table = account.tickets
        self.users = users
        self.comments: dict[int, list[Row]] = {}
        self._numbers = count(1)

    def add(self, sent: Row, write: Write) -> Row:
        problems = Problems()
        comment = sent.get("comment") or {}
        if not (comment.get("body") or comment.get("html_body")):
            problem(problems, "base", "Description: cannot be blank", "BlankValue")
        requester_id = self._requester(sent, problems) or write.actor_id
        requester = self.account.users.get(requester_id or 0)
        row = {**BLANK, "requester_id": requester_id, "submitter_id": sent.get("submitter_id") or requester_id}
        row["organization_id"] = requester["organization_id"] if requester else None
        row["via"] = {**row["via"], **(sent.get("via") or {})}
        new = self._written(row, sent, problems)
        if problems:
            raise record_invalid(problems)
        now = self.account.now()
        new |= {"id": next(self._numbers), "created_at": now, "updated_at": now}
        new["description"] = comment.get("body") or comment["html_body"]
        self.table.insert(new, write.lag)
        self._comment(new, {"author_id": requester_id, **comment})
        self.account.effect(write, "ticket.created", str(new["id"]), id=new["id"])
        self.account.ticket_changed(new, "Create", write.actor_id)
        return new

    def change(self, row: Row, sent: Row, write: Write) -> Row:
        """A closed ticket cannot be changed, and ``safe_update`` refuses what was made of an older state."""
        problems = Problems()
        if row["status"] == "closed":
            problem(problems, "status", CLOSED, "InvalidValue")
            raise record_invalid(problems)
        if sent.get("safe_update") in (True, "true") and sent.get("updated_stamp") != row["updated_at"]:
            raise Refused(409, STALE)
        new = self._written(row, sent, problems)
        if "requester_id" in sent or "requester" in sent:
            new["requester_id"] = self._requester(sent, problems)
        if problems:
            raise record_invalid(problems)
        comment = sent.get("comment") or {}
        changed = [name for name in new if new[name] != row[name]]
        if not changed and not comment:
            return row
        new["updated_at"] = self.account.now()
        self.table.replace(new, write.lag)
        if comment:
            self._comment(new, {"author_id": write.actor_id, **comment})
        self.account.effect(write, "ticket.updated", str(new["id"]), id=new["id"], changed=changed)
        self.account.ticket_changed(new, "Change", write.actor_id)
        return new

    def remove(self, row: Row, write: Write) -> None:
        """A deleted ticket is gone from everything but the incremental export."""
        self.table.replace({**row, "status": "deleted", "updated_at": self.account.now()}, write.lag)
        self.account.effect(write, "ticket.deleted", str(row["id"]), id=row["id"])

    def get(self, ticket_id: int) -> Row | None:
        row = self.table.get(ticket_id)
        return None if row is None or row["status"] == "deleted" else row

    def _written(self, row: Row, sent: Row, problems: Problems) -> Row:
        new = {**row, **{name: sent[name] for name in PLAIN & sent.keys()}}
        if "subject" in sent:
            new["subject"] = new["raw_subject"] = str(sent["subject"] or "")
        if "external_id" in sent:
            new["external_id"] = text_or_none(sent["external_id"])
        for name, allowed in (("priority", PRIORITIES), ("type", TYPES)):
            if name in sent:
                new[name] = sent[name]
                if sent[name] is not None and sent[name] not in allowed:
                    problem(problems, name, f"{name.capitalize()}: {sent[name]} is not valid", "InvalidValue")
        for name, table in (("assignee_id", self.account.users), ("organization_id", self.account.organizations)):
            if name in sent:
                new[name] = sent[name]
                if sent[name] is not None and table.get(int(sent[name])) is None:
                    problem(problems, name, f"{name.removesuffix('_id').capitalize()}: is invalid", "InvalidValue")
        new["status"] = self._status(new, sent, problems)
        own = tag_list(sent["tags"]) if "tags" in sent else row["tags"]
        added, removed = tag_list(sent.get("additional_tags")), tag_list(sent.get("remove_tags"))
        new["tags"] = sorted({*own, *added} - {*removed})
        values = {field["id"]: field["value"] for field in [*row["custom_fields"], *(sent.get("custom_fields") or [])]}
        new["custom_fields"] = new["fields"] = [{"id": key, "value": value} for key, value in values.items()]
        return new

    def _status(self, row: Row, sent: Row, problems: Problems) -> str:
        """A ticket with an assignee is no longer new, one without cannot be solved; none becomes new again."""
        status = str(sent.get("status") or row["status"])
        if status not in STATUSES:
            problem(problems, "status", f"Status: {status} is not valid", "InvalidValue")
        elif status == "new" and "id" in row and row["status"] != "new":
            problem(problems, "status", "Status: cannot be new again", "InvalidValue")
        elif status in ("solved", "closed") and row["assignee_id"] is None:
            problem(problems, "base", "Assignee: is required when solving a ticket", "BlankValue")
        elif status == "new" and row["assignee_id"] is not None:
            return "open"
        return status

    def _requester(self, sent: Row, problems: Problems) -> int | None:
        named = sent.get("requester") or {}
        if named.get("email"):
            owner = self.users.identities.owner(named["email"])
            found = owner or self.users.add(
                {"name": named["email"], **named, "verified": True}, Write("", recorded=False)
            )
            return int(found["id"])
        if sent.get("requester_id") and self.account.users.get(int(sent["requester_id"])) is None:
            problem(problems, "requester", "Requester: is invalid", "InvalidValue")
        return sent.get("requester_id")

    def _comment(self, ticket: Row, sent: Row) -> None:
        body = str(sent.get("body") or sent.get("html_body"))
        row = {
            "id": self.account.new_id(),
            "type": "Comment",
            "author_id": sent["author_id"],
            "body": body,
            "html_body": sent.get("html_body") or f'<div class="zd-comment"><p>{escape(body)}</p></div>',
            "plain_body": body,
            "public": sent.get("public", True) is not False,
            "attachments": [],
            "audit_id": self.account.new_id(),
            "via": {"channel": ticket["via"]["channel"], "source": {"from": {}, "to": {}, "rel": None}},
            "created_at": self.account.now(),
            "metadata": {"system": {}, "custom": {}},
        }
        self.comments.setdefault(ticket["id"], []).append(row)

"""What it takes to bring one user in line: its request, and the calls that carry it out, one after the other.

A request is ``{"user": payload}`` for a new user. For one that exists it also holds its ``id``, and says whether the
address is to be added as an ``identity`` and the organization as a ``membership``. It is all that a later send or
probe needs.
"""

from __future__ import annotations

from dataclasses import dataclass

from connectors.zendesk.client import Zendesk
from connectors.zendesk.compare import differences, with_theirs, without_filled
from connectors.zendesk.fields import CustomFields
from connectors.zendesk.writing import Call, Work
from ml_connector.core.records import Body, Decision

CREATE_ONE = Call("POST", "/users", "user", many=False)
UPDATE_ONE = Call("PUT", "/users/{id}", "user", many=False)
IDENTITY = Call("POST", "/users/{id}/identities", "identity", many=False)
MEMBERSHIP = Call("POST", "/organization_memberships/create_many", "organization_memberships")
_APART = ("email", "organization_id")
"""Written by calls of their own once the user exists."""


@dataclass(slots=True, frozen=True)
class UserCalls:
    """How this account takes users. ``bulk`` None: in bulk, if that turns out to be allowed."""

    create: Call
    update: Call

    @classmethod
    def of(cls, bulk: bool | None) -> UserCalls:
        if bulk is False:
            return cls(CREATE_ONE, UPDATE_ONE)
        return cls(
            Call("POST", "/users/create_many", "users", optional=bulk is None),
            Call("PUT", "/users/update_many", "users", optional=bulk is None),
        )

    def work(self, decision: Decision, request: Body, attempt: int = 1) -> Work:
        """The first call for a request; the others follow in ``then``.

        The address comes first: if it belongs to somebody else, nothing is written.
        """
        user, object_id = request["user"], request.get("id")
        if object_id is None:
            # Otherwise Zendesk would send the contact a mail, and ask to confirm the address.
            return Work(decision, self.create, {**_numbered(user), "skip_verify_email": True}, None, attempt)
        last = None
        if request.get("membership"):
            member = {"user_id": int(object_id), "organization_id": int(user["organization_id"])}
            last = Work(decision, MEMBERSHIP, member, object_id, attempt)
        work = Work(decision, self.update, {"id": int(object_id), **own_fields(user)}, object_id, attempt, last)
        if request.get("identity"):
            identity = {"type": "email", "value": user["email"], "skip_verify_email": True}
            work = Work(decision, IDENTITY, identity, object_id, attempt, work)
        return work


async def update_of(
    client: Zendesk, user: Body, current: Body, fields: CustomFields, if_empty: frozenset[str]
) -> tuple[Body, tuple[str, ...]]:
    """The request that brings ``current`` in line with ``user``, and the names of what it changes."""
    user = with_theirs(without_filled(user, current, if_empty), current)
    object_id = str(current["id"])
    address, organization_id = user.get("email"), user.get("organization_id")
    identity = bool(address) and not await holds_email(client, current, str(address))
    membership = bool(organization_id) and not await client.is_member(current, str(organization_id))
    changed = differences(own_fields(user), current, fields)
    changed += ("email",) * identity + ("organization_id",) * membership
    return {"id": object_id, "user": user, "identity": identity, "membership": membership}, changed


async def holds_email(client: Zendesk, current: Body, address: str) -> bool:
    """Whether an address is a user's primary one or another of its identities."""
    if str(current.get("email") or "").casefold() == address.casefold():
        return True
    return await client.has_email(str(current["id"]), address)


def own_fields(user: Body) -> Body:
    """The part of a user that an update may hold."""
    return {name: value for name, value in user.items() if name not in _APART}


def _numbered(user: Body) -> Body:
    if "organization_id" not in user:
        return user
    return {**user, "organization_id": int(user["organization_id"])}

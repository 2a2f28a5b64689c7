"""Users as a destination: a customer's contacts, each with an address and an organization.

New users are created and existing ones updated; ``create_or_update_many`` is not used, because it also matches by
address and would write into somebody else's user. A user's address is set when it is created; a later one becomes a
further identity, since Zendesk would only pretend to change it. Organizations are joined by memberships, since an
update of ``organization_id`` ends all others; a new user has none, and is created with it in one step.
https://developer.zendesk.com/api-reference/ticketing/users/users/
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from connectors.zendesk.client import Zendesk
from connectors.zendesk.compare import Unwritable, differences, encode, names, typed
from connectors.zendesk.fields import CustomFields
from connectors.zendesk.lookup import Found, Key, find, with_prefix
from connectors.zendesk.sending import send_all
from connectors.zendesk.user_conflicts import UserConflicts
from connectors.zendesk.user_steps import UserCalls, holds_email, own_fields, update_of
from connectors.zendesk.writing import probed
from ml_connector.core.concurrently import together
from ml_connector.core.records import Body, Decision, Intent, Outcome, Resend, State


class Users:
    """Writes `models.User` payloads. ``if_empty``: dotted names of fields that are written only while they are empty
    in Zendesk.

    An address that belongs to somebody else rejects the record, except where `ZendeskSettings.email_match` lets an
    end user without an external id be taken over.
    """

    system = "zendesk"
    operation = "REST v2 users/create_many, update_many"
    resend = Resend.FREELY

    def __init__(self, client: Zendesk, if_empty: frozenset[str] = frozenset()) -> None:
        self.settle_seconds = client.settings.settle_seconds
        self._client = client
        self._if_empty = if_empty
        self._calls = UserCalls.of(client.settings.bulk_users)

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:  # noqa: ARG002
        """Users are always read first: what they lack decides about the calls, in a preview as well.

        UNCHANGED only where there is no link yet: a read may be older than our own last write.
        """
        fields = await self._client.custom_fields("user")
        intents = with_prefix(intents, self._client.settings.external_id_prefix)
        found = await find(self._client, "users", [Key(i.dest_id, i.payload["external_id"]) for i in intents])
        return await together([self._decide(i, f, fields) for i, f in zip(intents, found, strict=True)])

    async def _decide(self, intent: Intent, found: Found, fields: CustomFields) -> Decision:
        decision = Decision(intent.effect_id, intent.source_id, action="create")
        try:
            user = encode(_without_nulls(intent.payload), fields)
        except Unwritable as problem:
            decision.state, decision.reason = State.REJECTED, str(problem)
            return decision
        if found.conflict:
            decision.state, decision.reason = State.REJECTED, found.conflict
        elif not found.object and intent.payload.get("create") is False:
            decision.state, decision.reason = State.UNCHANGED, "it is not there, and not to be made"
        elif not found.object:
            decision.request, decision.changed = {"user": user}, names(user)
        else:
            decision.action, decision.dest_id = "update", str(found.object["id"])
            decision.request, decision.changed = await update_of(
                self._client, user, found.object, fields, self._if_empty
            )
            if not (decision.changed or intent.force or intent.dest_id):
                decision.state, decision.reason = State.UNCHANGED, "Zendesk holds the same"
        return decision

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """Outcomes as they are known; a user is applied when its last call is."""
        fields = await self._client.custom_fields("user")
        conflicts = UserConflicts(self._client, self._calls, fields, self._if_empty)
        work = [self._calls.work(d, {**d.request, "user": typed(d.request["user"], fields)}) for d in decisions]
        async for outcomes in send_all(self._client, "users", work, conflicts.key, conflicts.settle):
            yield outcomes

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Whether each user has become what its request says, with its address and its organization."""
        # Jobs first: what one of them writes after this line must not be taken for "it did not happen".
        running = bool(await self._client.jobs_running() - self._client.jobs.in_flight)
        fields = await self._client.custom_fields("user")
        keys = [Key(d.request.get("id"), d.request["user"]["external_id"]) for d in decisions]
        found = await find(self._client, "users", keys)
        held = await together([self._holds(d.request, f.object, fields) for d, f in zip(decisions, found, strict=True)])
        return [probed(d, f.object if h else None, running) for d, f, h in zip(decisions, found, held, strict=True)]

    async def _holds(self, request: Body, current: Body | None, fields: CustomFields) -> bool:
        user, new = request["user"], "id" not in request
        if current is None or differences(own_fields(user), current, fields):
            return False
        address = user.get("email") if new or request["identity"] else None
        organization_id = user.get("organization_id") if new or request["membership"] else None
        if address and not await holds_email(self._client, current, address):
            return False
        return not organization_id or await self._client.is_member(current, str(organization_id))


def _without_nulls(payload: Body) -> Body:
    """The fields of Zendesk's. Nothing takes an address or an organization away from a user."""
    keeps = ("email", "organization_id")
    return {name: value for name, value in payload.items() if name != "create" and (value or name not in keeps)}

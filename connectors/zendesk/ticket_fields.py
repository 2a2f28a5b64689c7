"""Custom fields of tickets that exist, written so that nothing is lost of what agents do at the same time.

Ticket fields have an id and no key, so the mapping's fields are known by their titles.
https://developer.zendesk.com/api-reference/ticketing/tickets/tickets/#protecting-against-ticket-update-collisions
https://developer.zendesk.com/api-reference/ticketing/tickets/ticket_fields/
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from connectors.zendesk.client import VENDOR, Zendesk
from connectors.zendesk.compare import Unwritable, differences, encode, without_filled
from connectors.zendesk.errors import Refused
from connectors.zendesk.fields import CustomFields
from ml_connector.core.concurrently import as_they_end
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.errors import AbortRun, Misconfigured, RetryLater
from ml_connector.core.mapping import Mapping as FieldMapping
from ml_connector.core.outcomes import later, outcome
from ml_connector.core.records import Body, Decision, Intent, Outcome, Resend, State

_AT_ONCE = 4


class TicketFieldsDestination:
    """Writes `models.TicketFields` payloads; never creates a ticket, and leaves closed ones as they are.

    A ticket that somebody has changed since it was looked at is looked at again, in a later attempt.
    """

    system = VENDOR
    operation = "REST v2 tickets/{id}, safe_update"
    resend = Resend.FREELY

    def __init__(self, client: Zendesk, mapping: FieldMapping) -> None:
        self.settle_seconds = client.settings.settle_seconds
        self._client = client
        self._declared = mapping.custom_fields.get("ticket_fields", {})
        self._if_empty = mapping.if_empty

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:  # noqa: ARG002
        """Tickets are always read first: the write is refused unless it follows what was seen."""
        fields = await TicketFieldIds.read(self._client, self._declared)
        current = await self._read([intent.payload["id"] for intent in intents])
        return [self._decision(intent, current.get(intent.payload["id"]), fields) for intent in intents]

    def _decision(self, intent: Intent, ticket: Body | None, fields: TicketFieldIds) -> Decision:
        action = f"{ticket['status'] if ticket else 'deleted'} ticket"  # so that the audit tells a customer's history
        decision = Decision(intent.effect_id, intent.source_id, action, dest_id=intent.payload["id"])
        reason = _untouchable(ticket, intent.payload)
        if ticket is None or reason:
            decision.state, decision.reason = State.UNCHANGED, reason
            return decision
        held = fields.of(ticket)
        try:
            wanted = encode({"ticket_fields": intent.payload["ticket_fields"]}, fields.types)
        except Unwritable as problem:
            decision.state, decision.reason = State.REJECTED, str(problem)
            return decision
        wanted = without_filled(wanted, held, self._if_empty)
        decision.changed = differences(wanted, held, fields.types)
        if not decision.changed:
            decision.state, decision.reason = State.UNCHANGED, "its fields are filled already"
        decision.request = {**wanted, "id": intent.payload["id"], "updated_stamp": ticket["updated_at"]}
        return decision

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        fields = await TicketFieldIds.read(self._client, self._declared)
        room = asyncio.Semaphore(_AT_ONCE)
        halt: list[AbortRun] = []

        async def one(decision: Decision) -> Outcome:
            async with room:
                if halt:
                    return outcome(decision, State.RETRY_WAIT, "not sent: the run ended")
                try:
                    return await self._write(decision, fields)
                except AbortRun as error:
                    halt.append(error)
                    return outcome(decision, State.RETRY_WAIT, error.message)

        async for ended in as_they_end(one(decision) for decision in decisions):
            yield [ended]
        if halt:
            raise halt[0]

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Whether each ticket holds the values now."""
        fields = await TicketFieldIds.read(self._client, self._declared)
        current = await self._read([decision.request["id"] for decision in decisions])
        return [_probed(decision, current.get(decision.request["id"]), fields) for decision in decisions]

    async def _write(self, decision: Decision, fields: TicketFieldIds) -> Outcome:
        request = decision.request
        ticket = {
            "custom_fields": fields.written(request["ticket_fields"]),
            "safe_update": True,
            "updated_stamp": request["updated_stamp"],
        }
        limits = self._client.ticket_update_limits(request["id"])
        try:
            _, request_id = await self._client.write(
                "PUT", f"/tickets/{request['id']}", {"ticket": ticket}, limits=limits
            )
        except Refused as error:
            return outcome(decision, State.REJECTED, f"Zendesk refuses it: {error.problem}", error.request_id)
        except RetryLater as error:
            return later(decision, error)
        return outcome(decision, State.APPLIED, None, request_id)

    async def _read(self, ids: Sequence[str]) -> dict[str, Body]:
        return {str(found["id"]): found for found in await self._client.show_many("tickets", ids=ids)}


class TicketFieldIds:
    """The account's ticket fields that a mapping declares: key to id and type."""

    def __init__(self, ids: Mapping[str, int], types: Mapping[str, str]) -> None:
        self.types = CustomFields(types)
        self._ids = ids

    @classmethod
    async def read(cls, client: Zendesk, declared: Mapping[str, CustomField]) -> TicketFieldIds:
        """`Misconfigured` where several fields have the title of one: which is meant cannot be said."""
        ids: dict[str, int] = {}
        types: dict[str, str] = {}
        account = await client.ticket_fields()
        for key, wanted in declared.items():
            found = [field for field in account if field["title"] == wanted.title]
            if len(found) > 1:
                raise Misconfigured(
                    f"several active ticket fields are titled `{wanted.title}`: rename those that are not ours",
                    vendor=VENDOR,
                )
            if found:
                ids[key], types[key] = int(found[0]["id"]), found[0]["type"]
        return cls(ids, types)

    def of(self, ticket: Body) -> Body:
        """What a ticket holds, by our keys."""
        values = {field["id"]: field["value"] for field in ticket.get("custom_fields") or []}
        return {"ticket_fields": {key: values.get(field_id) for key, field_id in self._ids.items()}}

    def written(self, values: Body) -> list[Body]:
        return [{"id": self._ids[key], "value": self.types.encode(key, value)} for key, value in values.items()]


def _untouchable(ticket: Body | None, payload: Body) -> str | None:
    """Why a ticket is left as it is."""
    if ticket is None or ticket.get("status") == "deleted":
        return "the ticket was deleted in Zendesk"
    if ticket.get("status") == "closed":
        return "a closed ticket cannot be changed"
    if ticket.get("status") == "solved" and payload.get("while_open"):
        return "a solved ticket stays as it is"
    return None


def _probed(decision: Decision, ticket: Body | None, fields: TicketFieldIds) -> Outcome:
    if ticket is None:
        return outcome(decision, State.UNCHANGED, "the ticket was deleted in Zendesk")
    if differences({"ticket_fields": decision.request["ticket_fields"]}, fields.of(ticket), fields.types):
        return outcome(decision, State.RETRY_WAIT, "Zendesk does not hold it")
    return outcome(decision, State.APPLIED, None)

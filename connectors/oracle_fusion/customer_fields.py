"""Custom attributes of customers as a destination.

Two records that write the same attribute of one customer: the one that comes later wins, whatever its age, because
versions are known per record only. https://docs.oracle.com/en/cloud/saas/sales/faaps/api-hub-organizations.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.comparing import same_value
from connectors.oracle_fusion.customers import GONE, ROOT, Customers
from connectors.oracle_fusion.sending import Halt, in_order, outcome, outcome_of_failure
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.custom_fields import CustomField
from ml_connector.core.errors import ConnectorError, Misconfigured
from ml_connector.core.records import Body, Decision, Intent, Outcome, Resend, State


class CustomerAttributes:
    """Writes `payloads.CustomerFields`. A decision's request has PartyId, PartyNumber and ``fields``; its destination
    id is the PartyNumber.
    """

    system = SYSTEM
    resend = Resend.FREELY

    def __init__(self, client: OracleFusion) -> None:
        self.operation = client.operation(ROOT, client.customers)
        self.settle_seconds = client.settings.settle_seconds
        self._client = client
        self._customers = Customers(client)
        self._known: frozenset[str] | None = None

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:  # noqa: ARG002
        """UNCHANGED where the customer holds the values, or will when the decisions before have been carried out."""
        current = await self._read([intent.payload for intent in intents])
        known = await self._attributes() if intents else frozenset()
        return [self._decision(intent, current.get(intent.payload["PartyId"]), known) for intent in intents]

    def _decision(self, intent: Intent, current: Body | None, known: frozenset[str]) -> Decision:
        decision = Decision(intent.effect_id, intent.source_id, action="update")
        fields = intent.payload["fields"]
        if current is None:
            decision.state, decision.reason = State.REJECTED, GONE
            return decision
        if unknown := sorted(fields.keys() - known):
            decision.state, decision.reason = State.REJECTED, _undeclared(unknown)
            return decision
        decision.dest_id = current["PartyNumber"]
        decision.changed = tuple(name for name, value in fields.items() if not same_value(value, current.get(name)))
        if not (decision.changed or intent.force):
            decision.state, decision.reason = State.UNCHANGED, "Oracle holds the same"
        decision.request = {**intent.payload, "PartyNumber": current["PartyNumber"]}
        current |= fields
        return decision

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """Outcomes as they are known; a customer is written in the order of the decisions."""
        async for outcomes in in_order(decisions, _customer, self._update, behind=self.settle_seconds):
            yield outcomes

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Whether each customer holds the values now."""
        current = await self._read([decision.request for decision in decisions])
        return [_verdict(d, current.get(d.request["PartyId"])) for d in decisions]

    async def _update(self, decision: Decision, halt: Halt) -> Outcome:
        number = decision.request["PartyNumber"]
        try:
            written = await self._client.update(
                ROOT, self._customers.path(number), decision.request["fields"], record_key=decision.source_id
            )
        except ConnectorError as error:
            halt.note(error)
            return outcome_of_failure(decision, error)
        return outcome(decision, State.APPLIED, number, request_id=written.request_id)

    async def _read(self, payloads: Sequence[Body]) -> dict[str, Body]:
        known = await self._attributes() if payloads else frozenset()
        names = {name for payload in payloads for name in payload["fields"]} & known
        return await self._customers.read([payload["PartyId"] for payload in payloads], sorted(names))

    async def _attributes(self) -> frozenset[str]:
        if self._known is None:
            self._known = (await self._client.describe(ROOT, self._client.customers)).attributes
        return self._known


async def require_attributes(
    client: OracleFusion, wanted: Mapping[str, Mapping[str, CustomField]], *, preview: bool = False
) -> list[str]:
    """Creates nothing: custom attributes are made in Application Composer. `Misconfigured` names those missing, but for
    a ``preview``, in which the records do."""
    names = wanted.get("fields", {}).keys()
    if names and not preview:
        missing = sorted(names - (await client.describe(ROOT, client.customers)).attributes)
        if missing:
            raise Misconfigured(_undeclared(missing), vendor=SYSTEM, phase=client.operation(ROOT, client.customers))
    return []


def _customer(decision: Decision) -> str:
    return str(decision.request["PartyId"])


def _undeclared(names: Sequence[str]) -> str:
    return f"customers have no attribute {', '.join(names)}: create it in Application Composer, or take it out"


def _verdict(decision: Decision, current: Body | None) -> Outcome:
    decision.action = decision.action or "update"
    if current is None:
        return outcome(decision, State.REJECTED, decision.dest_id, GONE)
    fields = decision.request["fields"]
    if all(same_value(value, current.get(name)) for name, value in fields.items()):
        return outcome(decision, State.APPLIED, current["PartyNumber"])
    return outcome(decision, State.RETRY_WAIT, current["PartyNumber"], "Oracle does not hold the values")

"""Notes and attachments: rows below a customer, a new one for each effect.

Oracle knows no idempotency key for them. The id of the effect stands in an attribute that ``q`` may use, so a row
whose POST was not answered can be looked for; only when it is not there may it be sent again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar
from uuid import UUID

from connectors.oracle_fusion.client import OracleFusion, Written
from connectors.oracle_fusion.customers import GONE, ROOT, Customers
from connectors.oracle_fusion.literals import literal
from connectors.oracle_fusion.sending import Halt, in_order, outcome, outcome_of_failure
from connectors.oracle_fusion.settings import SYSTEM
from ml_connector.core.errors import ConnectorError, Misconfigured
from ml_connector.core.records import Body, Decision, Intent, Outcome, Resend, State


class Appended(ABC):
    """One kind of row. A decision's request has PartyId, PartyNumber, ``key`` (the value of ``key_attribute``),
    ``title`` and ``text``; its destination id is ``PartyNumber/id``, because a row is only found below its customer.
    """

    system = SYSTEM
    resend = Resend.ON_REQUEST
    child: ClassVar[str]
    id_attribute: ClassVar[str]
    key_attribute: ClassVar[str]
    written: ClassVar[tuple[str, ...]]
    """Names of the attributes that a new row is given."""

    def __init__(self, client: OracleFusion) -> None:
        self.operation = client.operation(ROOT, f"{client.customers}/child/{self.child}")
        self.settle_seconds = client.settings.settle_seconds
        self._client = client
        self._customers = Customers(client)

    @abstractmethod
    def key(self, title: str, effect_id: UUID) -> str:
        """What the row of this effect is found by; made of characters that may stand in ``q``."""

    @abstractmethod
    def row(self, request: Body) -> Body:
        """The new row."""

    @abstractmethod
    async def completed(self, item: str, decision: Decision, *, new: bool) -> str | None:
        """Bring a row that is there, at the path ``item``, to what the request says.

        Returns what is wrong with it if that cannot be done.
        """

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:  # noqa: ARG002
        """Always a new row, whatever was written before; REJECTED where Oracle does not have the customer."""
        numbers = await self._customers.numbers(intent.payload["PartyId"] for intent in intents)
        return [self._decision(intent, numbers.get(intent.payload["PartyId"])) for intent in intents]

    def _decision(self, intent: Intent, number: str | None) -> Decision:
        decision = Decision(intent.effect_id, intent.source_id, action="create")
        if number is None:
            decision.state, decision.reason = State.REJECTED, GONE
            return decision
        key = self.key(intent.payload["title"], intent.effect_id)
        decision.request = {**intent.payload, "PartyNumber": number, "key": key}
        decision.changed = self.written
        return decision

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """Outcomes as they are known; rows of one customer are created in the order of the decisions."""
        async for outcomes in in_order(decisions, _customer, self._create, behind=self.settle_seconds):
            yield outcomes

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Whether the row is there; if it is, it is completed. NEEDS_HUMAN where there are two of one effect, and where
        the customer is gone."""
        current = await self._customers.read([decision.request["PartyId"] for decision in decisions])

        async def one(decision: Decision, halt: Halt) -> Outcome:
            return await self._probed(decision, current.get(decision.request["PartyId"]), halt)

        return [result async for results in in_order(decisions, _customer, one) for result in results]

    async def _create(self, decision: Decision, halt: Halt) -> Outcome:
        request, number = decision.request, decision.request["PartyNumber"]
        resource = self._customers.path(number, "child", self.child)
        try:
            created = await self._client.create(ROOT, resource, self.row(request), record_key=decision.source_id)
        except ConnectorError as error:
            halt.note(error)
            return outcome_of_failure(decision, error)
        row_id = created.row.get(self.id_attribute)
        if row_id is None:
            reason = f"created, and answered without {self.id_attribute}: it is looked up"
            return outcome(decision, State.AMBIGUOUS, None, reason, created.request_id)
        if created.row.get(self.key_attribute) != request["key"]:
            halt.note(self._untraceable())
        return await self._complete(decision, f"{number}/{row_id}", halt, created)

    async def _complete(self, decision: Decision, dest_id: str, halt: Halt, created: Written | None) -> Outcome:
        """The row is there: that much is certain. What it holds is not yet."""
        number, _, row_id = dest_id.rpartition("/")
        item = self._customers.path(number, "child", self.child, row_id)
        try:
            wrong = await self.completed(item, decision, new=created is not None)
        except ConnectorError as error:
            halt.note(error)
            return outcome(decision, State.AMBIGUOUS, dest_id, error.message, error.request_id)
        state = State.NEEDS_HUMAN if wrong else State.APPLIED
        return outcome(decision, state, dest_id, wrong, created.request_id if created else None)

    async def _probed(self, decision: Decision, customer: Body | None, halt: Halt) -> Outcome:
        decision.action = decision.action or "create"
        if customer is None:
            reason = f"it may have been created, and {GONE}: nobody can look"
            return outcome(decision, State.NEEDS_HUMAN, decision.dest_id, reason)
        number = customer["PartyNumber"]
        found = await self._find(number, decision.request["key"])
        if not found and decision.dest_id:
            # it was answered with its id, so it was created, whatever the collection shows of it
            found = [decision.dest_id.rpartition("/")[2]]
        if not found:
            return outcome(decision, State.RETRY_WAIT, None, "it was not created")
        if len(found) > 1:
            twice = " and ".join(f"{number}/{row_id}" for row_id in found)
            reason = f"{self.child} {twice} stand for the same effect: delete all but one in Oracle"
            return outcome(decision, State.NEEDS_HUMAN, f"{number}/{found[0]}", reason)
        return await self._complete(decision, f"{number}/{found[0]}", halt, None)

    async def _find(self, number: str, key: str) -> list[str]:
        page = await self._client.collection(
            ROOT,
            self._customers.path(number, "child", self.child),
            q=f"{self.key_attribute} = {literal(key)}",
            fields=f"{self.id_attribute},{self.key_attribute}",
            limit=25,
        )
        return [str(row[self.id_attribute]) for row in page.rows if row.get(self.key_attribute) == key]

    def _untraceable(self) -> Misconfigured:
        return Misconfigured(
            f"the pod does not keep the {self.key_attribute} that a new {self.child} is given: after a lost answer "
            "nobody could tell whether it is there. Switch this stream off",
            vendor=SYSTEM,
            phase=self.operation,
        )


def _customer(decision: Decision) -> str:
    return str(decision.request["PartyId"])

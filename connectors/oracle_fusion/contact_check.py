"""Contacts of another system, compared with the persons in Oracle. Nothing is ever written: the ERP owns them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from connectors.oracle_fusion.client import OracleFusion
from connectors.oracle_fusion.comparing import same_phone, same_text
from connectors.oracle_fusion.customers import ROOT, find
from connectors.oracle_fusion.literals import literal
from connectors.oracle_fusion.settings import SYSTEM
from connectors.oracle_fusion.streams import persons
from ml_connector.core.records import Body, Decision, Intent, Outcome, Resend, State

_COMPARED: dict[str, tuple[tuple[str, ...], Callable[[str, str], bool]]] = {
    "name": (("PersonName",), same_text),
    "emails": (("EmailAddress",), same_text),
    "phone": (("RawWorkPhoneNumber", "RawMobilePhoneNumber"), same_phone),
}
"""By field of `payloads.ContactCheck`: the attributes of which one must be the same as its value, or as one of its
values, and what the same is."""


class ContactChecks:
    """Looks at `payloads.ContactCheck`. Every decision is UNCHANGED, with action ``drift`` where fields differ and
    ``check`` otherwise; its reason names the fields, or says why nothing was compared.
    """

    system = SYSTEM
    resend = Resend.FREELY
    settle_seconds = 0.0

    def __init__(self, client: OracleFusion) -> None:
        self._persons = persons(client)
        self.operation = client.operation(ROOT, self._persons.resource)
        self._client = client

    async def decide(self, intents: Sequence[Intent], *, preview: bool = False) -> list[Decision]:  # noqa: ARG002
        numbers = dict.fromkeys(str(intent.payload["PartyNumber"]) for intent in intents)
        literals = {number: quoted for number in numbers if (quoted := literal(number))}
        found = await find(self._client, self._persons.resource, "PartyNumber", literals, self._attributes())
        return [self._decision(intent, found.get(str(intent.payload["PartyNumber"]))) for intent in intents]

    async def send(self, decisions: Sequence[Decision]) -> AsyncIterator[list[Outcome]]:
        """Nothing is left to do, whatever comes."""
        yield [Outcome(decision.effect_id, State.UNCHANGED, decision.action) for decision in decisions]

    async def probe(self, decisions: Sequence[Decision]) -> list[Outcome]:
        """Nothing was sent, so nothing was applied."""
        return [Outcome(decision.effect_id, State.RETRY_WAIT) for decision in decisions]

    def _decision(self, intent: Intent, row: Body | None) -> Decision:
        decision = Decision(intent.effect_id, intent.source_id, action="check", state=State.UNCHANGED)
        if row is None:
            decision.reason = "Oracle has no person with this number"
            return decision
        drifted = _drifted(intent.payload, self._persons.named_as_hub(row))
        if drifted:
            decision.action, decision.changed = "drift", tuple(drifted)
            decision.reason = f"drifted from the ERP in {', '.join(drifted)}"
        return decision

    def _attributes(self) -> list[str]:
        """What to read, by the names of the resource."""
        resource_names = {hub: name for name, hub in self._persons.hub_names.items()}
        return [resource_names.get(name, name) for names, _ in _COMPARED.values() for name in names]


def _drifted(payload: Body, row: Body) -> list[str]:
    """Fields that both have, and that differ."""
    drifted = []
    for field, (attributes, same) in _COMPARED.items():
        theirs = payload.get(field)
        values = theirs if isinstance(theirs, list) else [theirs]
        ours = [str(row[name]) for name in attributes if row.get(name)]
        if theirs and ours and not any(same(str(value), one) for value in values for one in ours):
            drifted.append(field)
    return drifted

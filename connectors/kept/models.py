"""What mappings make of a record that is to be found by its number, or by whose it is."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator


class Document(BaseModel):
    """An invoice, a purchase order, a payment, a supplier: what a ticket may name."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: str
    """``party`` is the other side itself."""
    id: str
    number: str
    """The ERP's own, which no other document of this kind has."""
    party_number: str | None = None
    """The number that the other side has given it: others may use the same."""
    name: str | None = None
    """What else the ERP calls it, by which it is found where no other is called so."""
    settles: list[str | None] = []
    """Numbers of what a payment is for: it is shown with them."""
    open: bool = False
    """Not done with: it is shown where its party is."""
    party: str | None = None
    """Whose it is, by the id that stands in the external id of the organization."""
    content: dict[str, Any]
    """The record, as the ticket's mapping is to see it."""

    @field_validator("kind", "number")
    @classmethod
    def _named(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("is empty")
        return value.strip()

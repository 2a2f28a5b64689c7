"""What mappings make of a record that is to be found by its number."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator


class Document(BaseModel):
    """An invoice, a purchase order, a payment: what a ticket may name."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: str
    id: str
    number: str
    """The ERP's own, which no other document of this kind has."""
    party_number: str | None = None
    """The number that the other side has given it: others may use the same."""
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

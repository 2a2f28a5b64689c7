"""What mappings fill for Oracle: notes, attachments and custom attributes of a customer, and contacts to be compared.

``PartyId`` names the customer, by the id under which the streams give it. A mapping fills it with the other system's id
of the customer, and the core puts Oracle's in its place.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

AttributeValue = str | int | bool | Decimal | None
"""A custom attribute's value. Decimals keep their digits; dates are text, ``2026-11-21``."""

Title = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Text = Annotated[str, StringConstraints(min_length=1)]

_CUSTOM = re.compile(r"[A-Za-z][A-Za-z0-9_]*_c")


def _custom_only(fields: dict[str, AttributeValue]) -> dict[str, AttributeValue]:
    for name in fields:
        if not _CUSTOM.fullmatch(name):
            raise ValueError("only custom attributes may be written: their names end in _c")
    return fields


class _Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class CustomerNote(_Payload):
    """A note of a customer; always a new one."""

    PartyId: str
    title: Title
    """``Zendesk ticket 42``; the id of the effect is put behind it."""
    text: Text


class CustomerAttachment(_Payload):
    """A text file that is attached to a customer; always a new one."""

    PartyId: str
    title: Title
    text: Text


class CustomerFields(_Payload):
    """Custom attributes of a customer; those not named keep what they have."""

    PartyId: str
    fields: Annotated[dict[str, AttributeValue], AfterValidator(_custom_only)]


class ContactCheck(_Payload):
    """A contact as another system has it, to be compared with the person in Oracle. A field that is not mapped, or
    that is empty there, is not compared."""

    PartyNumber: str
    name: str | None = None
    emails: list[str] | None = None
    """All its addresses: the person's has to be one of them."""
    phone: str | None = None

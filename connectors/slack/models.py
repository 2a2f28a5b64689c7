"""What the mappings fill: what a message says, not how it looks. `blocks` lays it out.

Every text may come from the ERP: nothing in it is taken for Slack's markup.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _whole(value: Any) -> Any:
    """Half a surrogate pair, which an ERP that cuts text by length may send, becomes a question mark."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


Text = Annotated[str, BeforeValidator(_whole)]
Scalar = Annotated[str | int | bool | Decimal | None, BeforeValidator(_whole)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class Fact(_Model):
    """A label and its value. With a ``currency`` the value is an amount, and is written with all its digits."""

    label: Text
    value: Scalar = None
    currency: Text | None = None
    counts: bool = True
    """False: the amount is not the record's own, and no part of what many messages add up to."""


class Message(_Model):
    """One message about one record."""

    channel: str | None = None
    """A channel's id, or its name in the connection's settings. The routing fills it where the mapping does not."""
    event: Literal["new", "changed", "exception"] = "new"
    title: Text = Field(min_length=1)
    summary: Text | None = None
    """A paragraph under the title."""
    totals: list[Fact] = []
    """What is never cut: amounts. Of more than 25 it is said how many more there are."""
    facts: list[Fact] = []
    """The first 20 are shown."""
    columns: list[Text] = []
    """The headings of ``lines``."""
    lines: list[list[Scalar]] = []
    """A table. As many rows are shown as there is room for, and how many there are."""
    link: Text | None = None
    """An http(s) address of the record in the ERP."""
    link_text: Text = "Open the record"
    footer: Text | None = None
    follow_up: Literal["post", "reply", "update"] = "post"
    """What to do when the same record has a message in this channel already: post another one, reply to the first
    one in its thread, or change it in place."""

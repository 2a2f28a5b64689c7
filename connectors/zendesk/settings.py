"""What a tenant's file says about a Zendesk connection. No secrets."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _regex(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"it is no regular expression: {error}") from None
    return pattern


class ZendeskSettings(BaseModel):
    """Settings of one Zendesk account."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    origin: str
    """``https://acme.zendesk.com``, without a path."""
    external_id_prefix: str = Field(default="", max_length=40)
    """Put before the ERP's id in external ids, where two ERPs write into one account."""
    requests_per_minute: int = Field(default=400, gt=0)
    """What the account's plan allows (Suite Growth and Professional: 400), over all programs that use it."""
    exports_per_minute: int = Field(default=10, gt=0)
    """Calls of the incremental exports, over all programs that use them: 10, or 30 with Zendesk's add-on."""
    ticket_updates_per_minute: int = Field(default=100, gt=0)
    """Over all programs that use the account: 100, or 300 with Zendesk's High Volume API add-on."""
    max_jobs: int = Field(default=20, ge=1, le=30)
    """Background jobs in flight at once. Zendesk runs 30 per account; the rest is left to others."""
    settle_seconds: float = Field(default=5.0, ge=0)
    """How long a write may stay invisible to a read."""
    name_collision: Literal["adopt", "suffix", "reject"] = "suffix"
    """What to do with a new organization whose name, which Zendesk wants to be unique, is taken.

    ``suffix`` creates it as ``Name (external id)`` and touches nothing that others made. ``adopt`` takes the
    existing organization over if it has no external id, and else does as ``suffix``: for the first load into an
    account where people have already made organizations by hand. ``reject`` leaves the record to a person.
    """
    email_match: Literal["verified", "adopt", "reject"] = "verified"
    """What to do with a new user whose address belongs to an end user that has no external id.

    ``verified`` takes the user over if it has proved that the address is its own: any mail with that sender makes a
    user, too. ``adopt`` takes it over in any case. ``reject`` leaves the record to a person. A user that has another
    external id, and an agent, is never taken over: the record is rejected.
    """
    mention_patterns: tuple[Annotated[str, AfterValidator(_regex)], ...] = (
        r"(?<![\w-])[A-Za-z]{1,12}[-_/ ]?\d[\w/-]{2,38}(?![\w-])",  # INV-7001, PO 000045, not within a longer word
        r"(?i)\b(?:invoice|bill|order|rechnung|bestellung|facture)\b(?:\s*(?:no|nr|number|nummer|#|:|\.))*\s*(\d{4,12})\b",
        (
            r"(?im)^[ \t>*-]*(?:supplier|vendor|lieferant|fournisseur)(?:[ \t]+(?:name|no|nr|id))?[ \t.]*[:#]"
            r"[ \t]*(\S.{1,99}?)[ \t.,;]*$"
        ),
    )
    """What in a ticket's words may be the number of a document or of a party, or a party's name (Supplier: Acme Ltd):
    regular expressions of Python. Where one has a group, the group is meant. Whether there is such a document is looked
    up."""
    mention_field: str | None = None
    """The title of a ticket field in which people write such numbers or names."""
    bulk_users: bool | None = None
    """Whether Zendesk support has enabled bulk user imports; None: find out from the first attempt."""

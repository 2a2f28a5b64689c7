"""Account combinations, as mappings see them; see `models`."""

from __future__ import annotations

from connectors.oracle_fusion.models import Record


class Segment(Record):
    """A part of an account, by the name that the tenant's chart of accounts gives it: ``costCenter``."""

    Name: str
    Value: str
    Description: str | None = None
    """Of the value, where `value_sets` names the segment's value set."""


class AccountCombination(Record):
    """Stream of account combinations, the accounts that journals and orders name."""

    CombinationId: str
    ChartOfAccountsId: str | None = None
    AccountType: str | None = None
    """A asset, E expense, L liability, O owner's equity, R revenue."""
    Postable: bool
    """Whether journals of today may name it: enabled and not ended, neither a summary nor closed for detail posting;
    nor is one of its values, as far as `value_sets` tells."""
    Segments: tuple[Segment, ...]
    """In the order of the setting ``journals.segments``; without it, in that of Oracle's answer, which is any."""

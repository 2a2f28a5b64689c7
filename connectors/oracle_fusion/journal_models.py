"""Journal batches of the General Ledger, as mappings see them; see `models`."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from connectors.oracle_fusion.models import Record


class JournalLine(Record):
    """A debit or a credit of an account; the side that it is not is none."""

    JeLineNumber: int | None = None
    AccountCombination: str | None = None
    EnteredDr: Decimal | None = None
    EnteredCr: Decimal | None = None
    AccountedDr: Decimal | None = None
    AccountedCr: Decimal | None = None
    CurrencyCode: str | None = None
    CurrencyConversionDate: str | None = None
    CurrencyConversionRate: Decimal | None = None
    UserCurrencyConversionType: str | None = None
    Description: str | None = None
    ChartOfAccountsName: str | None = None
    StatAmount: Decimal | None = None
    Reference1: str | None = None
    Reference2: str | None = None
    Reference3: str | None = None
    Reference4: str | None = None
    Reference5: str | None = None
    CreationDate: datetime | None = None
    LastUpdateDate: datetime | None = None


class JournalHeader(Record):
    """A journal: a batch may hold some of several ledgers and currencies."""

    JournalName: str | None = None
    JournalDescription: str | None = None
    LedgerName: str | None = None
    LedgerCurrencyCode: str | None = None
    LegalEntityName: str | None = None
    CurrencyCode: str | None = None
    CurrencyConversionDate: str | None = None
    CurrencyConversionRate: Decimal | None = None
    UserCurrencyConversionType: str | None = None
    PeriodName: str | None = None
    DefaultEffectiveDate: str | None = None
    UserJeCategoryName: str | None = None
    ControlTotal: Decimal | None = None
    RunningTotalDr: Decimal | None = None
    RunningTotalCr: Decimal | None = None
    RunningTotalAccountedDr: Decimal | None = None
    RunningTotalAccountedCr: Decimal | None = None
    ExternalReference: str | None = None
    ReferenceDate: str | None = None
    ReversedJeHeaderName: str | None = None
    JeFromSlaFlagMeaning: str | None = None
    CreationDate: datetime | None = None
    LastUpdateDate: datetime | None = None
    journalLines: tuple[JournalLine, ...] = ()  # noqa: N815 - the vendor's name


class JournalBatch(Record):
    """Stream of journal batches, which have neither ledger nor currency: their journals have.

    ``Status``: U unposted, P posted, S selected for posting, I being posted; anything else is an error, of which
    ``ErrorMessage`` tells.
    """

    JeBatchId: str
    AccountedPeriodType: str | None = None
    ActualFlagMeaning: str | None = None
    ApprovalStatusMeaning: str | None = None
    ApproverEmployeeName: str | None = None
    BatchDescription: str | None = None
    BatchName: str | None = None
    ChartOfAccountsName: str | None = None
    CompletionStatusMeaning: str | None = None
    ControlTotal: Decimal | None = None
    CreatedBy: str | None = None
    CreationDate: datetime | None = None
    DefaultPeriodName: str | None = None
    ErrorMessage: str | None = None
    FundsStatusMeaning: str | None = None
    LastUpdateDate: datetime | None = None
    LastUpdatedBy: str | None = None
    ParentJeBatchName: str | None = None
    PostedDate: str | None = None
    PostingRunId: str | None = None
    RequestId: str | None = None
    ReversalDate: str | None = None
    ReversalFlag: bool | None = None
    ReversalMethodMeaning: str | None = None
    ReversalPeriod: str | None = None
    RunningTotalAccountedCr: Decimal | None = None
    RunningTotalAccountedDr: Decimal | None = None
    RunningTotalCr: Decimal | None = None
    RunningTotalDr: Decimal | None = None
    Status: str | None = None
    StatusMeaning: str | None = None
    UserJeSourceName: str | None = None
    UserPeriodSetName: str | None = None
    journalHeaders: tuple[JournalHeader, ...] = ()  # noqa: N815 - the vendor's name
    url: str | None = None
    """Where a person sees it in Fusion."""
    rows_left_out: bool = False
    """True where it may have more rows below it than are read (`descendants.MOST`)."""

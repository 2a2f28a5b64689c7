"""Import Journals: rows of a file become rows of the interface, and those of a group become a batch, or none does.

Oracle documents the codes and the naming of batches. That a failed child leaves its parent SUCCEEDED, that one bad row
refuses its whole group, and that rows stay in the interface until somebody deletes them, was seen on pods.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from io import BytesIO, StringIO
from typing import Any
from zipfile import BadZipFile, ZipFile

from connectors.oracle_fusion.sandbox.finance_resources import JOURNAL_BATCHES
from connectors.oracle_fusion.sandbox.ledger_setup import COMBINATIONS_LOV, LEDGERS_LOV, PERIODS, SEGMENTS
from connectors.oracle_fusion.sandbox.pod import Pod
from connectors.oracle_fusion.sandbox.resources import Row, timestamp

FILE_NAME = "GlInterface.csv"
WIDTH = 149
_DAY = re.compile(r"\d{4}/\d\d/\d\d")
_PLACES = {
    "STATUS": 0, "LEDGER_ID": 1, "ACCOUNTING_DATE": 2, "SOURCE": 3, "CATEGORY": 4, "CURRENCY": 5, "DATE_CREATED": 6,
    "ACTUAL_FLAG": 7, "DR": 38, "CR": 39, "REFERENCE1": 42, "REFERENCE2": 43, "REFERENCE4": 45, "REFERENCE5": 46,
    "REFERENCE6": 47, "REFERENCE10": 51, "REFERENCE21": 52, "CONVERSION_TYPE": 63, "CONVERSION_RATE": 65,
    "GROUP_ID": 66, "LEDGER_NAME": 91, "PERIOD_NAME": 94,
}  # fmt: skip
"""Of the columns that are looked at, by Oracle's template."""


class NotLoaded(Exception):
    """The file is not what the loader takes: not one row of it comes into the interface."""


@dataclass(slots=True, eq=False)
class InterfaceRow:
    """A row of GL_INTERFACE."""

    fields: list[str]
    error: str | None = None

    def __getitem__(self, name: str) -> str:
        return self.fields[_PLACES[name]].strip()

    @property
    def account(self) -> tuple[str, ...]:
        return tuple(value.strip() for value in self.fields[8:38])

    @property
    def debit(self) -> Decimal:
        return Decimal(self["DR"] or 0)

    @property
    def credit(self) -> Decimal:
        return Decimal(self["CR"] or 0)


def loaded(content: bytes) -> list[InterfaceRow]:
    """The rows of a zip. As measured: without all columns, or without DATE_CREATED, none of them is loaded."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            text = archive.read(FILE_NAME).decode()
    except (BadZipFile, KeyError, UnicodeDecodeError):
        raise NotLoaded(f"the file is no zip with {FILE_NAME}") from None
    rows = [InterfaceRow(line) for line in csv.reader(StringIO(text))]
    for row in rows:
        if len(row.fields) != WIDTH and (len(row.fields), row.fields[-1]) != (WIDTH + 1, "END"):
            raise NotLoaded(f"a row has {len(row.fields)} fields")
        if not _DAY.fullmatch(row["DATE_CREATED"]) or not _DAY.fullmatch(row["ACCOUNTING_DATE"]):
            raise NotLoaded("a date is missing, or not of the form YYYY/MM/DD")
        for amount in (row["DR"], row["CR"]):
            if amount and not re.fullmatch(r"-?\d+(\.\d+)?", amount):
                raise NotLoaded("an amount is no number")
        if row["STATUS"] != "NEW" or row["ACTUAL_FLAG"] != "A" or not row["GROUP_ID"].isdecimal():
            raise NotLoaded("STATUS, ACTUAL_FLAG or GROUP_ID")
    if not rows:
        raise NotLoaded("no rows")
    return rows


class JournalImport:
    """The interface table and the import of one group."""

    def __init__(self, pod: Pod) -> None:
        self.pod = pod
        self.interface: list[InterfaceRow] = []
        self._made = 0

    def reset(self) -> None:
        self.interface.clear()
        self._made = 0

    def selected(self, ledger: str, source: str, group: str) -> list[InterfaceRow]:
        """The rows that an import with these parameters takes, whoever loaded them and when."""
        return [
            row
            for row in self.interface
            if (row["SOURCE"], row["GROUP_ID"]) == (source, group) and self._ledger_id(row) == ledger
        ]

    def errors(self, rows: Sequence[InterfaceRow]) -> list[str]:
        """The codes for what is wrong, in the order of the rows; on the rows too."""
        ledgers = {str(row["LedgerId"]): row for row in self.pod.tables[LEDGERS_LOV.name].rows.values()}
        for row in rows:
            row.error = self._error(row, ledgers)
        if not any(row.error for row in rows) and not _balance(rows):
            for row in rows:
                row.error = "EU02"
        return [row.error for row in rows if row.error]

    def create(self, rows: Sequence[InterfaceRow], group: str, request: int, at: datetime) -> Row:
        """The batch of these rows, which leave the interface."""
        self.interface = [row for row in self.interface if row not in rows]
        self._made += 1
        batch = self._batch(rows, group, request, at)
        self.pod.tables[JOURNAL_BATCHES.name].add([batch])
        return batch

    def _ledger_id(self, row: InterfaceRow) -> str:
        if row["LEDGER_ID"]:
            return row["LEDGER_ID"]
        named = (one for one in self.pod.tables[LEDGERS_LOV.name].rows.values() if one["Name"] == row["LEDGER_NAME"])
        return next((str(one["LedgerId"]) for one in named), "")

    def _error(self, row: InterfaceRow, ledgers: dict[str, Row]) -> str | None:
        ledger = ledgers.get(self._ledger_id(row))
        if ledger is None or row["LEDGER_NAME"] not in ("", ledger["Name"]):
            return "EL01"
        if row["SOURCE"] not in self.pod.settings.journal_sources:
            return "ES01"
        if row["CATEGORY"] not in self.pod.settings.journal_categories:
            return "ER01"
        if not re.fullmatch(r"[A-Z]{3}", row["CURRENCY"]):
            return "EC08"
        if row["CURRENCY"] != ledger["CurrencyCode"] and not (row["CONVERSION_TYPE"] and row["CONVERSION_RATE"]):
            return "EC01"
        return self._period_error(row, ledger) or self._account_error(row) or _amount_error(row)

    def _period_error(self, row: InterfaceRow, ledger: Row) -> str | None:
        day = date.fromisoformat(row["ACCOUNTING_DATE"].replace("/", "-")).isoformat()
        periods = [
            one
            for one in self.pod.tables[PERIODS.name].rows.values()
            if (one["LedgerId"], one["ApplicationId"]) == (ledger["LedgerId"], 101)
            and one["StartDate"] <= day <= one["EndDate"]
        ]
        if not any(one["ClosingStatus"] in ("O", "F") for one in periods):
            return "EP01"
        return None if row["PERIOD_NAME"] in ("", *(one["PeriodNameId"] for one in periods)) else "EP04"

    def _account_error(self, row: InterfaceRow) -> str | None:
        values, rest = row.account[: len(SEGMENTS)], row.account[len(SEGMENTS) :]
        day = row["ACCOUNTING_DATE"].replace("/", "-")
        for one in self.pod.tables[COMBINATIONS_LOV.name].rows.values():
            if tuple(one[name] for name in SEGMENTS) == values and not any(rest):
                if one["EnabledFlag"] != "Y":
                    return "EF03"
                if not (one["StartDateActive"] or day) <= day <= (one["EndDateActive"] or day):
                    return "EF01"
                return None if one["DetailPostingAllowedFlag"] == "Y" else "EF02"
        return "EF04"

    def _batch(self, rows: Sequence[InterfaceRow], group: str, request: int, at: datetime) -> Row:
        first, dates = rows[0], _who(at)
        ledger = self.pod.tables[LEDGERS_LOV.name].rows[int(self._ledger_id(first))]
        rate = Decimal(first["CONVERSION_RATE"] or 1) if first["CURRENCY"] != ledger["CurrencyCode"] else Decimal(1)
        total = sum((row.debit for row in rows), Decimal(0))
        accounted = (total * rate).quantize(Decimal("0.01"))
        totals: dict[str, Any] = {
            "RunningTotalDr": total,
            "RunningTotalCr": sum((row.credit for row in rows), Decimal(0)),
            "RunningTotalAccountedDr": accounted,
            "RunningTotalAccountedCr": accounted,
        }
        header = {
            "JeHeaderId": 1,
            "JournalName": f"{first['REFERENCE4'][:50]} {first['CATEGORY']} {first['CURRENCY']}",
            "JournalDescription": first["REFERENCE5"] or None,
            "LedgerName": ledger["Name"],
            "LedgerCurrencyCode": ledger["CurrencyCode"],
            "LegalEntityName": "US1 Legal Entity",
            "CurrencyCode": first["CURRENCY"],
            "CurrencyConversionRate": rate,
            "UserCurrencyConversionType": first["CONVERSION_TYPE"] or "User",
            "PeriodName": first["PERIOD_NAME"],
            "DefaultEffectiveDate": first["ACCOUNTING_DATE"].replace("/", "-"),
            "UserJeCategoryName": first["CATEGORY"],
            "ExternalReference": first["REFERENCE6"] or None,
            **totals,
            **dates,
            "journalLines": list(_lines(rows, rate, dates)),
        }
        return {
            "JeBatchId": 9_000_000 + self._made,
            "BatchName": f"{first['REFERENCE1'][:50]} {first['SOURCE']} A {group} {request} N",
            "BatchDescription": first["REFERENCE2"] or None,
            "DefaultPeriodName": first["PERIOD_NAME"],
            "AccountedPeriodType": "Month",
            "Status": "U",
            "StatusMeaning": "Unposted",
            "CompletionStatusMeaning": "Complete",
            "ApprovalStatusMeaning": "Not required",
            "FundsStatusMeaning": "Not attempted",
            "ActualFlagMeaning": "Actual",
            "ControlTotal": None,
            "PostedDate": None,
            "PostingRunId": None,
            "RequestId": request,
            "ErrorMessage": None,
            "UserJeSourceName": first["SOURCE"],
            "UserPeriodSetName": "Accounting",
            "ChartOfAccountsName": "US Chart of Accounts",
            **totals,
            **dates,
            "journalHeaders": [header],
        }


def _balance(rows: Iterable[InterfaceRow]) -> bool:
    """In each currency, and for each company by itself."""
    left: dict[tuple[str, str], Decimal] = {}
    for row in rows:
        key = row["CURRENCY"], row.account[0]
        left[key] = left.get(key, Decimal(0)) + row.debit - row.credit
    return not any(left.values())


def _amount_error(row: InterfaceRow) -> str | None:
    try:
        amounts = [amount for amount in (row.debit, row.credit) if amount]
    except InvalidOperation:
        return "EM29"
    return None if len(amounts) == 1 else "EM29"


def _lines(rows: Iterable[InterfaceRow], rate: Decimal, dates: Row) -> Iterator[Row]:
    for number, row in enumerate(rows, 1):
        debit, credit = (row.debit or None), (row.credit or None)
        yield {
            "JeLineNumber": number,
            "AccountCombination": ".".join(row.account[: len(SEGMENTS)]),
            "EnteredDr": debit,
            "EnteredCr": credit,
            "AccountedDr": None if debit is None else (debit * rate).quantize(Decimal("0.01")),
            "AccountedCr": None if credit is None else (credit * rate).quantize(Decimal("0.01")),
            "CurrencyCode": row["CURRENCY"],
            "Description": row["REFERENCE10"] or None,
            "ChartOfAccountsName": "US Chart of Accounts",
            "Reference1": row["REFERENCE21"] or None,
            **dates,
        }


def _who(at: datetime) -> Row:
    moment = timestamp(at)
    return {
        "CreationDate": moment,
        "CreatedBy": "ML_CONNECTOR",
        "LastUpdateDate": moment,
        "LastUpdatedBy": "ML_CONNECTOR",
    }

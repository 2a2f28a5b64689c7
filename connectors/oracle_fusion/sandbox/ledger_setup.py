"""Ledgers, their accounting periods and account combinations, as a pod has them before anything is entered."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import date, datetime

from connectors.oracle_fusion.sandbox.finance_seed import LEDGERS
from connectors.oracle_fusion.sandbox.resources import LAST_UPDATE, Row, fscm, timestamp
from connectors.oracle_fusion.sandbox.seed import COMBINATIONS, account, combination_id

SEGMENTS = ("company", "lineOfBusiness", "account", "costCenter", "product", "intercompany")
CHART = 41
APPLICATIONS = (101, 200)
ENDED = "101.10.60600.120.000.000"
DATA_ACCESS_SET = 300_000_046_975_980
"""Id of the data access set that holds all ledgers."""

LEDGERS_LOV = fscm(
    "ledgersLOV",
    "LedgerId",
    "LedgerId",
    """LedgerId:integer Name Description CurrencyCode ChartOfAccountsId:integer AccountedPeriodType PeriodSetName
    LedgerCategoryCode LedgerTypeCode""",
)
PERIODS = fscm(
    "accountingPeriodStatusLOV",
    "row",  # not shown: the address is made of three attributes
    "row",
    "PeriodNameId ApplicationId:integer LedgerId:integer ClosingStatus StartDate:date EndDate:date",
    opaque=True,
)
COMBINATIONS_LOV = fscm(
    "accountCombinationsLOV",
    "_CODE_COMBINATION_ID",
    "_CODE_COMBINATION_ID",
    f"""_CODE_COMBINATION_ID:integer _CHART_OF_ACCOUNTS_ID:integer EnabledFlag AccountType DetailPostingAllowedFlag
    SummaryFlag -DetailBudgetingAllowedFlag -JgzzReconFlag -FinancialCategory -Reference3 StartDateActive:date
    EndDateActive:date {" ".join(SEGMENTS)}""",
)


def ledgers(now: datetime) -> Iterator[Row]:
    for nth, (name, currency) in enumerate(LEDGERS):
        yield {
            "LedgerId": ledger_id(nth),
            "Name": name,
            "Description": name,
            "CurrencyCode": currency,
            "ChartOfAccountsId": CHART,
            "AccountedPeriodType": "Month",
            "PeriodSetName": "Accounting",
            "LedgerCategoryCode": "PRIMARY",
            "LedgerTypeCode": "L",
            LAST_UPDATE: timestamp(now),
        }


def periods(now: datetime) -> Iterator[Row]:
    """The months around this one, which is open; the next may be entered, and each year ends with an adjustment."""
    for nth in range(len(LEDGERS)):
        for application in APPLICATIONS:
            for ahead in range(-23, 4):
                month = now.year * 12 + now.month - 1 + ahead
                year, number = month // 12, month % 12 + 1
                first, last = date(year, number, 1), date(year, number, monthrange(year, number)[1])
                status = "C" if ahead < 0 else ("O", "F", "N", "N")[ahead]
                named = [(f"{first:%b-%y}", first)] + ([(f"Adj-{first:%y}", last)] if number == 12 else [])
                for index, (name, begins) in enumerate(named):
                    yield {
                        "row": ((nth * 1_000 + application) * 100_000 + month) * 2 + index,
                        "PeriodNameId": name,
                        "ApplicationId": application,
                        "LedgerId": ledger_id(nth),
                        "ClosingStatus": status,
                        "StartDate": begins.isoformat(),
                        "EndDate": last.isoformat(),
                        LAST_UPDATE: timestamp(now),
                    }


def combinations(now: datetime) -> Iterator[Row]:
    """Those that orders are charged to, and one that could be used until the end of the year before last."""
    for number in range(COMBINATIONS):
        yield _combination(number, account(number), now) | {"EnabledFlag": "N" if number % 90 == 89 else "Y"}
    yield _combination(COMBINATIONS, ENDED, now) | {"EndDateActive": date(now.year - 2, 12, 31).isoformat()}


def _combination(number: int, segments: str, now: datetime) -> Row:
    return {
        "_CODE_COMBINATION_ID": combination_id(0) + number,
        "_CHART_OF_ACCOUNTS_ID": CHART,
        "EnabledFlag": "Y",
        "AccountType": "E" if number else "L",
        "DetailPostingAllowedFlag": "Y",
        "SummaryFlag": "N",
        "DetailBudgetingAllowedFlag": "Y",
        "JgzzReconFlag": "N",
        "FinancialCategory": None if number % 2 else "OPERATING_EXPENSE",
        "Reference3": "N",
        "StartDateActive": "1951-01-01",
        "EndDateActive": None,
        **dict(zip(SEGMENTS, segments.split("."), strict=True)),
        LAST_UPDATE: timestamp(now),
    }


def ledger_id(nth: int) -> int:
    return 300_000_046_975_971 + nth

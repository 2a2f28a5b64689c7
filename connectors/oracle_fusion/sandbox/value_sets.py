"""Value sets of two segments of the chart of accounts, with a value that nobody may use any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from connectors.oracle_fusion.sandbox.resources import LAST_UPDATE, WHO, Resource, Row, attributes, timestamp
from connectors.oracle_fusion.sandbox.seed import COMBINATIONS, account

VALUES = Resource(
    name="values",
    api="fscmRestApi",
    id="ValueId",
    key="ValueId",
    edited="Description",
    finders={"PrimaryKey": ("ValueId",)},
    parameters=frozenset({"dependency"}),
    attributes=attributes(
        f"""ValueId:integer -IndependentValue -Value -TranslatedValue -Description -EnabledFlag -StartDateActive:date
        -EndDateActive:date -SortOrder:integer -SummaryFlag -DetailPostingAllowed -DetailBudgetingAllowed -AccountType
        -ControlAccount -ReconciliationFlag -FinancialCategory {WHO}"""
    ),
)
VALUE_SETS = Resource(
    name="valueSets",
    api="fscmRestApi",
    id="ValueSetId",
    key="ValueSetId",
    edited="Description",
    finders={"PrimaryKey": ("ValueSetId",), "ValueSetCodeFinder": ("ValueSetCode",)},
    attributes=attributes(
        f"ValueSetId:integer -ModuleId ValueSetCode -Description -ValidationType -ValueDataType -ProtectedFlag {WHO}"
    ),
    children={"values": VALUES},
)
"""Which attributes can be queried is not in the reference: here it is what the finders ask for."""
ACCOUNTS, COST_CENTRES = "Operations Account", "Operations Cost Center"


def value_sets(now: datetime) -> Iterator[Row]:
    """One of accounts, one of cost centres."""
    for nth, (code, place, word) in enumerate(((ACCOUNTS, 2, "Account"), (COST_CENTRES, 3, "Cost centre"))):
        values = sorted({account(number).split(".")[place] for number in range(COMBINATIONS)})
        rows = [_value(number, value, f"{word} {value}", now) for number, value in enumerate([*values, "999"], 1)]
        rows[-1]["EnabledFlag"] = "N"
        yield {
            "ValueSetId": 300_000_000_700_001 + nth,
            "ModuleId": "GL",
            "ValueSetCode": code,
            "Description": code,
            "ValidationType": "INDEPENDENT",
            "ValueDataType": "CHARACTER",
            "ProtectedFlag": "N",
            **_who(now),
            "values": rows,
        }


def _value(number: int, value: str, description: str, now: datetime) -> Row:
    return {
        "ValueId": number,
        "IndependentValue": None,
        "Value": value,
        "TranslatedValue": value,
        "Description": description,
        "EnabledFlag": "Y",
        "StartDateActive": None,
        "EndDateActive": None,
        "SortOrder": number,
        "SummaryFlag": "N",
        "DetailPostingAllowed": "Y",
        "DetailBudgetingAllowed": "Y",
        "AccountType": None,
        "ControlAccount": None,
        "ReconciliationFlag": None,
        "FinancialCategory": None,
        **_who(now),
    }


def _who(now: datetime) -> Row:
    moment = timestamp(now)
    return {"CreationDate": moment, "CreatedBy": "SETUP", LAST_UPDATE: moment, "LastUpdatedBy": "SETUP"}

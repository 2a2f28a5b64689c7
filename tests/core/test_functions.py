"""What each function of the expressions does, and that there are no others."""

from __future__ import annotations

from typing import Any

import pytest

from ml_connector.core.expressions import Expression
from ml_connector.core.functions import Functions

BODY = {
    "Id": 300000001234567,
    "Flag": True,
    "Name": "  Acme  ",
    "Code": "De",
    "Blank": " ",
    "None": None,
    "Lines": ["Main St 1", None, " ", " 0150 Oslo"],
    "Amounts": {"USD": "80.00", "EUR": "1250.00", "JPY": 1000},
    "Empty": {},
    "Dates": ["2026-10-01", None, "2026-02-28"],
    "Nothing": "0.00",
    "Accounts": ["610", "620", "610", None],
    "Sums": [["0.1", "EUR"], ["70368744177664.10", "USD"], ["0.20", "EUR"], [None, "USD"], ["1", None]],
}

CASES: dict[str, Any] = {
    "text(Id)": "300000001234567",
    "text(Flag)": "true",
    "text(None)": None,
    "trim(Name)": "Acme",
    "trim(None)": None,
    "lower(Code)": "de",
    "upper(Code)": "DE",
    "first_nonempty(None, Blank, Code)": "De",
    "first_nonempty(None, Blank)": None,
    "join_nonempty(', ', Lines)": "Main St 1, 0150 Oslo",
    "join_nonempty(', ', [None, Blank])": None,
    "distinct(Accounts)": ["610", "620", None],
    "distinct(None)": [],
    "earliest(Dates)": "2026-02-28",
    "earliest(None)": None,
    "is_zero(Nothing)": True,
    "is_zero(Id)": False,
    "is_zero(None)": None,
    "cut(Name, `6`)": "  Acm…",
    "cut(Name, `8`)": "  Acme  ",
    "cut(None, `6`)": None,
    "amounts(Amounts)": "1250.00 EUR, 1000 JPY, 80.00 USD",
    "amounts(Empty)": None,
    "totals('Debits', Sums)": [
        {"label": "Debits", "value": "0.30", "currency": "EUR"},
        {"label": "Debits", "value": "70368744177664.10", "currency": "USD"},
    ],
    "totals('Debits', None)": [],
    "contains(Name, 'cm')": True,
    "starts_with(Code, 'D')": True,
    "ends_with(Code, 'D')": False,
    "length(Lines)": 4,
}


@pytest.mark.parametrize("expression", CASES)
def test_function(expression: str) -> None:
    expected = CASES[expression]

    assert expected == Expression(expression)(BODY)


def test_the_list_is_closed_and_each_function_on_it_is_tried_above() -> None:
    assert set(Functions.FUNCTION_TABLE) == {case.partition("(")[0] for case in CASES}

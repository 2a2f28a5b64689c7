"""The file of a journal: Oracle's columns, and debits that are credits, for any amount, currency and order."""

from __future__ import annotations

import csv
import json
from base64 import b64decode
from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO, StringIO
from pathlib import Path
from random import Random
from typing import Any
from zipfile import ZipFile

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.oracle_fusion.general_ledger import Ledger, Period
from connectors.oracle_fusion.gl_interface import COLUMNS, FILE_NAME, packed
from connectors.oracle_fusion.journal_amounts import Share, floored, is_payable, lines, minor_unit
from connectors.oracle_fusion.journal_costs import Cost
from connectors.oracle_fusion.journal_entry import content, request
from connectors.oracle_fusion.journal_orders import Bearer, Order, Rate
from connectors.oracle_fusion.journal_payload import Journal
from connectors.oracle_fusion.journal_settings import JournalSettings
from connectors.oracle_fusion.journals import Journals
from connectors.oracle_fusion.sandbox import journal_import
from ml_connector.core import jsonx
from tests.connectors.journal_desk import SETTINGS, Desk, completion, orders
from tests.connectors.journal_desk import settings as journals_of
from tests.connectors.oracle_pod import pod

CURRENCIES = ("USD", "EUR", "JPY", "KWD", "CLF", "HUF", "XXX")
EXAMPLES, CASES = 1_000, 10
"""10,000 together. Drawn by a seed: hypothesis takes ten times as long to make each number by itself."""


def journal(random: Random) -> tuple[Decimal, str, list[Share]]:
    """An amount of any size in whole units of a currency, and what bears it: some of it next to nothing."""
    currency = random.choice(CURRENCIES)
    borne = [
        Share(
            Decimal(random.randint(1, 10 ** random.randint(1, 14))).scaleb(-random.randint(0, 6)),
            cost=(random.choice(("101", "102")), f"605{random.randint(0, 4)}"),
            clearing=(random.choice(("101", "102")), "221"),
        )
        for _ in range(random.randint(1, 12))
    ]
    return random.randint(1, 10 ** random.randint(1, 14)) * minor_unit(currency), currency, borne


@settings(max_examples=EXAMPLES, deadline=None, database=None)
@given(st.integers(0, 2**64))
def test_debits_are_credits_in_whole_units_and_every_share_is_near_its_part(seed: int) -> None:
    random = Random(seed)
    for _ in range(CASES):
        amount, currency, borne = journal(random)
        made = lines(amount, borne, currency)
        debits = {line.account: line.debit for line in made if line.debit is not None}
        credits_ = {line.account: line.credit for line in made if line.credit is not None}
        assert sum(debits.values(), Decimal(0)) == sum(credits_.values(), Decimal(0)) == amount
        assert len(debits) + len(credits_) == len(made)
        assert all(value > 0 and is_payable(value, currency) for value in (*debits.values(), *credits_.values()))
        total = sum(share.weight for share in borne)
        for account, debit in debits.items():
            weight = sum(share.weight for share in borne if share.cost == account)
            assert abs(debit - amount * weight / total) <= len(borne) * minor_unit(currency)


@pytest.mark.parametrize(
    ("amount", "currency", "whole"),
    [("1.005", "USD", "1.00"), ("1.999", "JPY", "1"), ("1.0005", "KWD", "1.000"), ("0.00009", "CLF", "0.0000")],
)
def test_what_a_currency_does_not_have_is_cut_off_never_rounded_up(amount: str, currency: str, whole: str) -> None:
    assert floored(Decimal(amount), currency) == Decimal(whole)
    assert not is_payable(Decimal(amount), currency)


def test_the_columns_are_those_of_the_template(specs: Path) -> None:
    template = json.loads((specs / "oracle" / "gl_interface_columns.json").read_text())["columns"]
    assert list(COLUMNS) == template[:149]
    assert len(COLUMNS) == 149


def test_a_line_has_all_columns_without_a_header_and_nothing_breaks_it() -> None:
    odd = 'Größe "x", 3\r\nzeilen\x00\u2028\ud83d' + "ü" * 300
    archive = ZipFile(BytesIO(packed([{"STATUS": "NEW", "REFERENCE10": odd, "PERIOD_NAME": "Nov-26"}] * 2)))
    assert archive.namelist() == [FILE_NAME]
    text = archive.read(FILE_NAME).decode()
    assert text.count("\n") == 2
    for row in csv.reader(StringIO(text)):
        assert len(row) == 149
        assert (row[0], row[94]) == ("NEW", "Nov-26")
        assert row[51].startswith('Größe "x", 3 zeilen ?ü')
        assert len(row[51]) == 240
    with pytest.raises(KeyError):
        packed([{"COLOUR": "red"}])


def test_a_stored_request_makes_the_file_that_the_template_says() -> None:
    completed = Journal(
        completion="1200",
        completed_at=datetime(2026, 11, 21, 3, 4, 5, 678_000, tzinfo=UTC),
        po_number="US-1/2",
        task_name="Umbau",
        amount=Decimal("10.01"),
    )
    bearers = [Bearer(Decimal(1), Decimal(2), "1"), Bearer(Decimal(1), Decimal(1), "2")]
    order = Order("US-1/2", "EUR", Decimal(30), bearers, Rate(Decimal("1.0825"), None))
    borne = [Share(Decimal(2), ("101", "605"), ("101", "221")), Share(Decimal(1), ("102", "605"), ("102", "221"))]
    stored = request(
        completed,
        order,
        Cost(Decimal("10.01"), bearers),
        lines(Decimal("10.01"), borne, "EUR"),
        ledger=Ledger("300000046975971", "US Primary Ledger", "USD", "41"),
        accounting=(date(2026, 11, 20), Period("Nov-26", "O", date(2026, 11, 1), date(2026, 11, 30))),
        settings=JournalSettings(**SETTINGS),
        now=datetime(2026, 11, 22, tzinfo=UTC),
        seen=[],
    )
    rows = journal_import.loaded(content(jsonx.loads(jsonx.dumps(stored))))
    assert [(row.account[:3], row["DR"], row["CR"]) for row in rows] == [
        (("101", "605", ""), "6.68", ""),
        (("102", "605", ""), "3.33", ""),
        (("101", "221", ""), "", "6.68"),
        (("102", "221", ""), "", "3.33"),
    ]
    named: dict[str, str] = dict(zip(COLUMNS, rows[0].fields, strict=True))
    assert {name: value for name, value in named.items() if value and not name.startswith(("SEGMENT", "ENTERED"))} == {
        "STATUS": "NEW",
        "LEDGER_ID": "300000046975971",
        "ACCOUNTING_DATE": "2026/11/20",
        "USER_JE_SOURCE_NAME": "Asana",
        "USER_JE_CATEGORY_NAME": "Accrual",
        "CURRENCY_CODE": "EUR",
        "DATE_CREATED": "2026/11/22",
        "ACTUAL_FLAG": "A",
        "REFERENCE1": stored["batch"],
        "REFERENCE2": "Purchase order US-1/2: task 1200, completed 2026-11-21T03:04:05Z",
        "REFERENCE4": stored["batch"],
        "REFERENCE6": "US-1/2",
        "REFERENCE10": "Umbau",
        "REFERENCE21": "1200",
        "REFERENCE22": "US-1/2",
        "REFERENCE23": "2026-11-21T03:04:05Z",
        "USER_CURRENCY_CONVERSION_TYPE": "User",
        "CURRENCY_CONVERSION_DATE": "2026/11/20",
        "CURRENCY_CONVERSION_RATE": "1.0825",
        "GROUP_ID": stored["group"],
        "LEDGER_NAME": "US Primary Ledger",
        "PERIOD_NAME": "Nov-26",
    }


async def test_what_is_handed_in_keeps_to_the_contract_of_the_resource(specs: Path) -> None:
    contract: dict[str, Any] = yaml.safe_load((specs / "oracle" / "erpintegrations.thirdparty.yaml").read_text())
    schema = contract["components"]["schemas"]["ImportBulkDataRequest"]
    sample = json.loads((specs / "oracle" / "samples" / "import_bulk_data_request.json").read_text())
    with pod() as fusion:
        fusion.emulator.seed("purchase_orders", 60, 5)
        fusion.emulator.seed("journal_batches", 1, 5)
        async with fusion.client(**journals_of()) as client:
            desk = Desk([completion(orders(fusion)[0])])
            await desk.send(Journals(client))
        (sent,) = [json.loads(one.body) for one in fusion.world.requests if one.method == "POST"]

    jsonschema.validate(sent, schema)
    assert sent.keys() == sample.keys()
    assert {name: sent[name] for name in ("JobName", "DocumentAccount", "JobOptions", "NotificationCode")} == {
        name: sample[name] for name in ("JobName", "DocumentAccount", "JobOptions", "NotificationCode")
    }
    group = desk.only.request["group"]
    assert sent["ParameterList"] == f"{SETTINGS['data_access_set']},Asana,300000046975971,{group},N,N,N"
    assert sent["FileName"].endswith(f"_{group}.zip")
    assert ZipFile(BytesIO(b64decode(sent["DocumentContent"]))).namelist() == [FILE_NAME]

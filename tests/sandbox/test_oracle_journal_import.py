"""Imports of journals in the Oracle emulator: what they refuse and how, and what a scheduled process tells."""

from __future__ import annotations

import base64
import csv
import json
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from connectors.oracle_fusion.sandbox.ledger_setup import DATA_ACCESS_SET
from ml_connector.sandbox.serve import SandboxThread
from ml_connector.sandbox.world import FaultRule

PATH = "/fscmRestApi/resources/11.13.18.05/erpintegrations"
REQUESTS = "/ess/rest/scheduler/v1/requests"
LEDGER = "300000046975971"
NOW = datetime.now(UTC)
GOOD: dict[int, str] = {
    0: "NEW", 1: LEDGER, 2: f"{NOW:%Y/%m/%d}", 3: "Asana", 4: "Accrual", 5: "USD", 6: f"{NOW:%Y/%m/%d}", 7: "A",
    8: "101", 9: "10", 10: "60501", 11: "120", 12: "000", 13: "000", 42: "MLC-US1-12-abc", 66: "4711",
    91: "US Primary Ledger", 94: f"{NOW:%b-%y}",
}  # fmt: skip
DEBIT: dict[int, str] = {38: "10.50"}
CREDIT: dict[int, str] = {10: "22100", 11: "000", 39: "10.50"}


@pytest.fixture(autouse=True)
def together(vendors: SandboxThread) -> None:
    """The number of a file is that of its import, with the loader for a child; but where a test says otherwise."""
    vendors.emulators["oracle_fusion"].configure({"import_is_apart": False})


def file_of(*rows: dict[int, str], width: int = 149) -> str:
    text = StringIO()
    for row in rows:
        csv.writer(text).writerow([row.get(n, "") for n in range(width)])
    packed = BytesIO()
    with ZipFile(packed, "w") as archive:
        archive.writestr("GlInterface.csv", text.getvalue())
    return base64.b64encode(packed.getvalue()).decode()


def body(content: str, **changes: str) -> dict[str, str]:
    return {
        "OperationName": "importBulkData",
        "DocumentContent": content,
        "ContentType": "zip",
        "FileName": "GlInterface_4711.zip",
        "DocumentAccount": "fin$/generalLedger$/import$",
        "JobName": "/oracle/apps/ess/financials/generalLedger/programs/common,JournalImportLauncher",
        "ParameterList": f"{DATA_ACCESS_SET},Asana,{LEDGER},4711,N,N,N",
        **changes,
    }


def hand_in(fusion: httpx.Client, content: str, **changes: str) -> str:
    answer = fusion.post(PATH, json=body(content, **changes))
    answer.raise_for_status()
    return str(answer.json()["ReqstId"])


def find(fusion: httpx.Client, finder: str) -> list[dict[str, Any]]:
    answer = fusion.get(PATH, params={"finder": finder})
    answer.raise_for_status()
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def status(fusion: httpx.Client, job: str) -> str | None:
    (row,) = find(fusion, f"ESSJobStatusRF;requestId={job}")
    word: str | None = row["RequestStatus"]
    return word


def log(fusion: httpx.Client, job: str) -> str:
    (row,) = find(fusion, f"ESSJobExecutionDetailsRF;requestId={job},fileType=ALL")
    archive = ZipFile(BytesIO(base64.b64decode(row["DocumentContent"])))
    return "\n".join(archive.read(name).decode() for name in archive.namelist())


def test_a_balanced_file_becomes_a_batch_with_oracles_own_words_behind_its_name(
    vendors: SandboxThread, fusion: httpx.Client
) -> None:
    job = hand_in(fusion, file_of(GOOD | DEBIT, GOOD | CREDIT))

    assert status(fusion, job) == "SUCCEEDED"
    batches = fusion.get(PATH.replace("erpintegrations", "journalBatches"), params={"q": "BatchName LIKE 'MLC-%'"})
    (batch,) = batches.json()["items"]
    assert batch["BatchName"] == f"MLC-US1-12-abc Asana A 4711 {job} N"
    (effect,) = vendors.world.effects
    assert (effect.kind, effect.key) == ("journal_batch", "MLC-US1-12-abc")
    assert effect.detail["debit"] == effect.detail["credit"] == "10.50"
    assert [row["DocumentId"] for row in find(fusion, f"DocumentIdsByFilePrefixRF;filePrefix=GlInterface_47,{ACCOUNT}")]
    assert find(fusion, f"DocumentIdsByFilePrefixRF;filePrefix=GlInterface_48,{ACCOUNT}") == []


ACCOUNT = "docAccount=fin$/generalLedger$/import$"
NOT_LOADED = [
    (file_of(GOOD | DEBIT, GOOD | CREDIT, width=95), "95 fields"),
    (file_of(GOOD | DEBIT | {6: ""}, GOOD | CREDIT), "a date is missing"),
    (file_of(GOOD | DEBIT | {2: "21/11/26"}, GOOD | CREDIT), "a date is missing"),
    (file_of(GOOD | {38: "1,5"}, GOOD | CREDIT), "an amount is no number"),
    (file_of(), "no rows"),
    (base64.b64encode(b"no zip").decode(), "no zip"),
]


@pytest.mark.parametrize(("content", "why"), NOT_LOADED, ids=[why for _, why in NOT_LOADED])
def test_a_file_that_the_loader_does_not_take_ends_in_error_with_no_row_in_the_interface(
    vendors: SandboxThread, fusion: httpx.Client, content: str, why: str
) -> None:
    job = hand_in(fusion, content)
    assert status(fusion, job) == "ERROR"
    assert why in log(fusion, job)
    assert vendors.emulators["oracle_fusion"].state("gl_interface") == []


REFUSED = [
    ({11: "999"}, "EF04"),
    ({14: "1"}, "EF04"),
    ({10: "60600"}, "EF01"),
    ({4: "Nonsense"}, "ER01"),
    ({5: "EUR"}, "EC01"),
    ({2: "2020/01/01"}, "EP01"),
    ({94: "Jan-20"}, "EP04"),
    ({38: "10.49"}, "EU02"),
    ({39: "1"}, "EM29"),
    ({91: "Another Ledger"}, "EL01"),
]


@pytest.mark.parametrize(("change", "code"), REFUSED, ids=[f"{code}-{n}" for n, (_, code) in enumerate(REFUSED)])
def test_one_bad_row_refuses_its_group_in_a_child_of_a_process_that_succeeds(
    vendors: SandboxThread, fusion: httpx.Client, change: dict[int, str], code: str
) -> None:
    job = hand_in(fusion, file_of(GOOD | DEBIT | change, GOOD | CREDIT))

    assert status(fusion, job) == "SUCCEEDED"
    (details,) = find(fusion, f"ESSExecutionDetailsRF;requestId={job}")
    jobs = json.loads(details["RequestStatus"])["JOBS"]
    assert [child["STATUS"] for child in jobs["CHILD"]] == ["SUCCEEDED", "ERROR"]
    assert code in log(fusion, job)
    assert vendors.world.effects == []
    assert len(vendors.emulators["oracle_fusion"].state("gl_interface")) == 2


def test_an_import_may_be_a_request_of_its_own_that_only_its_group_tells(
    vendors: SandboxThread, fusion: httpx.Client
) -> None:
    vendors.emulators["oracle_fusion"].configure({"import_is_apart": True})
    vendors.world.faults.add(FaultRule("oracle_fusion", "loader_warning", "POST", times=1))
    loader = hand_in(fusion, file_of(GOOD | DEBIT, GOOD | CREDIT))
    (details,) = find(fusion, f"ESSExecutionDetailsRF;requestId={loader}")
    begun = fusion.get(REQUESTS, params={"q": f"requestId gt {loader}", "orderBy": "requestId:asc"}).json()["items"]
    importing = begun[0]["requestId"]
    shown = fusion.get(f"{REQUESTS}/{importing}", params={"fields": "requestParameters"}).json()

    assert status(fusion, loader) == "WARNING"
    assert "CHILD" not in json.loads(details["RequestStatus"])["JOBS"]
    assert [(one["description"], one["state"]) for one in begun] == [
        ("Import Journals", "SUCCEEDED"), ("Import Journals: Child", "SUCCEEDED"),
    ]  # fmt: skip
    assert [one["absParentRequestId"] for one in begun] == [importing, importing]
    assert [one["requestParameters"] for one in begun] == [None, None]
    assert shown["requestParameters"][3] == {"name": "submit.argument4", "paramType": "STRING", "value": "4711"}
    assert len(vendors.world.effects) == 1
    assert fusion.get(REQUESTS, params={"q": "colour eq 1"}).status_code == 400
    assert fusion.get(f"{REQUESTS}/1").status_code == 404


def test_rows_stay_in_the_interface_and_the_next_import_of_their_group_takes_them_along(
    vendors: SandboxThread, fusion: httpx.Client
) -> None:
    content = file_of(GOOD | DEBIT, GOOD | CREDIT)
    vendors.world.faults.add(FaultRule("oracle_fusion", "child_failure", "POST", times=1))
    failed = hand_in(fusion, content)
    hand_in(fusion, content)
    assert status(fusion, failed) == "ERROR"
    assert [effect.detail["debit"] for effect in vendors.world.effects] == ["21.00"]


@pytest.mark.parametrize(
    "parameters", [f"{DATA_ACCESS_SET},Asana,{LEDGER},4712,N,N,N", f"{DATA_ACCESS_SET},Spreadsheet,{LEDGER},4711,N,N,N"]
)
def test_another_group_or_source_than_that_of_the_rows_selects_none(
    vendors: SandboxThread, fusion: httpx.Client, parameters: str
) -> None:
    job = hand_in(fusion, file_of(GOOD | DEBIT, GOOD | CREDIT), ParameterList=parameters)
    assert status(fusion, job) == "SUCCEEDED"
    assert "0 rows" in log(fusion, job)
    assert vendors.world.effects == []


def test_what_no_process_can_begin_with_is_answered_with_minus_one(
    vendors: SandboxThread, fusion: httpx.Client
) -> None:
    content = file_of(GOOD | DEBIT, GOOD | CREDIT)
    for change in (
        {"DocumentAccount": "fin$/payables$/import$"},
        {"DocumentContent": "%"},
        {"JobName": "x"},
        {"ParameterList": "1,2"},
        {"ParameterList": f"1,Asana,{LEDGER},4711,N,N,N"},
        {"ContentType": "csv"},
    ):
        assert hand_in(fusion, **{"content": content, **change}) == "-1"
    assert fusion.post(PATH, json={"OperationName": "x"}).status_code == 400
    assert fusion.post(PATH, json={**body(content), "Colour": "red"}).status_code == 400
    assert fusion.get(PATH, params={"finder": "Nothing;a=1"}).status_code == 400
    assert vendors.emulators["oracle_fusion"].state("ess_processes") == []


def test_a_process_takes_its_time_and_says_where_it_stands(vendors: SandboxThread, fusion: httpx.Client) -> None:
    vendors.emulators["oracle_fusion"].configure({"job_seconds": 0.3})
    begun = datetime.now(UTC)
    job = hand_in(fusion, file_of(GOOD | DEBIT, GOOD | CREDIT))
    words = []
    until = time.monotonic() + 60
    while (word := status(fusion, job)) != "SUCCEEDED" and time.monotonic() < until:
        words.append(word)
    assert set(words) <= {"WAIT", "READY", "BLOCKED", "RUNNING", "PAUSED", "COMPLETED"}
    (effect,) = vendors.world.effects
    assert datetime.fromisoformat(effect.at) - begun >= timedelta(seconds=0.3)
    assert status(fusion, "1") is None


def test_answers_have_the_attributes_of_the_reference_and_the_form_of_the_samples(
    vendors: SandboxThread, fusion: httpx.Client, specs: Path
) -> None:
    def sample(name: str) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((specs / "oracle" / "samples" / f"{name}.json").read_text())
        return read

    reference = json.loads((specs / "oracle" / "fusion_contract.json").read_text())["ERP_Integrations"]
    listed = next(one for one in reference if one["method"] == "GET" and one["path"] == "/erpintegrations")
    accepted = fusion.post(PATH, json=body(file_of(GOOD | DEBIT, GOOD | CREDIT)))
    vendors.world.faults.add(FaultRule("oracle_fusion", "minus_one", "POST"))
    refused = fusion.post(PATH, json=body(file_of(GOOD | DEBIT, GOOD | CREDIT)))

    assert accepted.json().keys() == sample("import_bulk_data_response_ok").keys() == listed["response"].keys()
    assert (refused.status_code, refused.json()) == (200, sample("import_bulk_data_response_rejected_http200"))
    job = accepted.json()["ReqstId"]
    for finder, name in (
        (f"ESSJobStatusRF;requestId={job}", "ess_job_status"),
        (f"ESSExecutionDetailsRF;requestId={job}", "ess_execution_details"),
        (f"ESSJobExecutionDetailsRF;requestId={job},fileType=ALL", "ess_job_output"),
    ):
        answer, shown = fusion.get(PATH, params={"finder": finder}).json(), sample(name)
        assert answer.keys() == shown.keys()
        assert answer["items"][0].keys() <= listed["response"].keys()
        assert {key for key, value in shown["items"][0].items() if value} <= {
            key for key, value in answer["items"][0].items() if value
        }
    for word in ("DocumentIdsByFilePrefixRF", "docAccount", "ESSExecutionDetailsRF"):  # the text at hand ends there
        assert word in listed["finders"]

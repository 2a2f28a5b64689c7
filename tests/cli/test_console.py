"""What is printed when something goes wrong."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ml_connector.cli.console import complain
from ml_connector.core.errors import AbortRun, Misconfigured, Reauthenticate, RetryLater, SafeError
from tests.cli.conftest import Command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misconfigured("mend [it]"), 2),
        (Reauthenticate("connect [it]", vendor="zendesk"), 2),
        (SafeError("Misconfigured: mend [it]", kind="Misconfigured"), 2),
        (AbortRun("wait for [it]"), 1),
    ],
)
def test_our_errors_are_told_with_the_exit_code_that_says_whether_to_try_again(
    error: Exception, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert complain(error) == code
    assert "[it]" in capsys.readouterr().err


def test_what_may_pass_is_said_to_be_worth_another_try(capsys: pytest.CaptureFixture[str]) -> None:
    assert complain(RetryLater("answered 503 (try 5)", vendor="zendesk", phase="GET /users")) == 1
    assert capsys.readouterr().err == "answered 503 (try 5) [zendesk GET /users]. That may pass: try again\n"


def test_of_other_errors_only_class_and_place_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        int("Canary Street 7")
    except ValueError as error:
        code = complain(error)

    told = capsys.readouterr().err
    assert code == 1
    assert "ValueError in test_console.py" in told
    assert "Canary" not in told


def test_without_a_database_or_a_server_a_command_says_how_to_get_one(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml_connector.core.settings import settings

    monkeypatch.setenv("ML_CONNECTOR_DATABASE_URL", "")
    settings.cache_clear()
    assert "set ML_CONNECTOR_DATABASE_URL, or start one with" in command("runs", "acme").stderr
    assert "set PREFECT_API_URL, or start one with" in command("retry", "0190d3f0-0000-7000-8000-000000000000").stderr
    monkeypatch.setenv("ML_CONNECTOR_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    settings.cache_clear()
    refused = command("runs", "acme")
    assert refused.exit_code == 2
    assert "does not let us in" in refused.stderr
    settings.cache_clear()


def test_a_setting_that_makes_no_sense_is_named_without_its_value(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ml_connector.core.settings import settings

    monkeypatch.setenv("ML_CONNECTOR_KEEP_DAYS", "hunter2")
    settings.cache_clear()
    refused = command("prune")
    settings.cache_clear()

    assert refused.exit_code == 2
    assert "ML_CONNECTOR_KEEP_DAYS: Input should be a valid integer" in refused.stderr
    assert "hunter2" not in refused.stderr


def test_whoever_reads_may_go_away_before_the_end() -> None:
    """As ``audit acme --format jsonl | head`` does."""
    printing = """
from ml_connector.cli.options import do
from ml_connector.cli.rows import put_out

async def rows():
    try:
        for n in range(100_000):
            yield {"n": n}
    finally:
        await __import__("asyncio").sleep(0)

do(put_out("jsonl", rows(), ["n"], ["n"]))
"""
    with subprocess.Popen([sys.executable, "-c", printing], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == b'{"n":0}\n'
        running.stdout.close()
        told = running.stderr.read().decode()

    assert "BrokenPipe" not in told
    assert "generator" not in told

"""What is printed when something goes wrong."""

from __future__ import annotations

import pytest

from ml_connector.cli.console import complain
from ml_connector.core.errors import AbortRun, Misconfigured, Reauthenticate, SafeError
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

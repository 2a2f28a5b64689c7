"""The receiver does not start where it could not keep its word, and says what to do."""

from __future__ import annotations

import os
import subprocess
import sys

import aiohttp
import psycopg
import pytest

from ml_connector.core.db import Database
from ml_connector.core.errors import Misconfigured
from ml_connector.core.secret import Secret
from ml_connector.core.vault import MasterKeys
from ml_connector.receiver.preflight import preflight
from tests.receiver.running import master, receiver_process


def refused(*arguments: str, **environment: str) -> str:
    """What it says when it ends with the exit code of a wrong configuration."""
    ended = subprocess.run(
        [sys.executable, "-m", "ml_connector.receiver", "--port", "0", *arguments],
        env={**_others(), "ML_CONNECTOR_HOME": "/nowhere", "ML_CONNECTOR_DATABASE_URL": "", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 78, ended.stderr
    assert "Traceback" not in ended.stderr
    return ended.stderr.strip().splitlines()[-1]


def _others() -> dict[str, str]:
    """Our environment without what other tests have set in it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ML_CONNECTOR_")}


def test_what_is_missing_is_said_in_one_line() -> None:
    url = "postgresql://nobody@127.0.0.1:1/none"

    assert refused().startswith("there is no database")
    assert refused(ML_CONNECTOR_DATABASE_URL=url).startswith("no master key")
    keys = MasterKeys.generate("a")
    told = refused(ML_CONNECTOR_DATABASE_URL=url, ML_CONNECTOR_MASTER_KEYS=keys)
    assert told.startswith("the database of ML_CONNECTOR_DATABASE_URL does not let us in")
    told = refused("--host", "0.0.0.0", ML_CONNECTOR_DATABASE_URL=url, ML_CONNECTOR_MASTER_KEYS=keys)  # noqa: S104
    assert told.startswith("set ML_CONNECTOR_OPERATOR_TOKEN to listen on 0.0.0.0")


async def test_another_master_key_is_refused(database: Database) -> None:
    await preflight(database.url, master())

    with pytest.raises(Misconfigured, match="is not the one that this database was written with"):
        await preflight(database.url, MasterKeys.parse(Secret(MasterKeys.generate("test"))))


async def test_a_server_that_may_forget_what_it_committed_is_refused(
    database: Database, owner_url: str, database_name: str
) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(f"alter database {database_name} set synchronous_commit = off")

    with pytest.raises(Misconfigured, match="synchronous_commit of the PostgreSQL server must be on"):
        await preflight(database.url, master())


async def test_the_figures_are_for_who_shows_the_operator_token(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ML_CONNECTOR_OPERATOR_TOKEN", "s3cret")
    with receiver_process(database.url) as (url, _):
        async with aiohttp.ClientSession() as http:
            statuses = []
            for shown in ("", "Bearer wrong", "Bearer s3cret"):
                async with http.get(f"{url}/metrics", headers={"authorization": shown}) as answer:
                    statuses.append(answer.status)

    assert statuses == [401, 401, 200]

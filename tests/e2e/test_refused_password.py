"""A password that the ERP refuses is tried as seldom as can be: after some tries it locks the user."""

from __future__ import annotations

from ml_connector.core.connections import put_secret
from ml_connector.core.db import Database
from ml_connector.core.refusals import refused_connections
from ml_connector.core.secret import Secret
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys, Vault
from tasks.story import DISCONNECTED
from tests.e2e.erp_workday import WORKDAY, Workday
from tests.installation import Installation

BY_PASSWORD = "auth: {{type: ws_security, username: ISU_Zendesk}}\n"


class ByPassword(Workday):
    connections = WORKDAY[: WORKDAY.index("auth:")] + BY_PASSWORD


async def test_a_refused_password_marks_the_connection_and_no_later_run_tries_it(installed: Installation) -> None:
    erp = ByPassword(installed)
    await erp.prepare(1)
    async with Database(installed.database_url, connections=1) as db:
        await put_secret(
            db, Vault(db, MasterKeys.load(settings())), "acme", "workday", "password", Secret("of yesterday")
        )
        first = await erp.sync(streams=["organizations"])
        tries = asked(installed)
        second = await erp.sync(streams=["organizations"])
        [refused] = await refused_connections(db, "acme")

    assert (first.name, second.name) == (DISCONNECTED, DISCONNECTED)
    assert (refused.connection, refused.told) == ("workday", True)
    assert (tries, asked(installed)) == (2, 2)  # what was refused, and the look whether everything is


def asked(installed: Installation) -> int:
    return sum(row["count"] for row in installed.sandbox.requests() if row["system"] == "workday")

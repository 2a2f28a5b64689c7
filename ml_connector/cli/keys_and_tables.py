"""What is done once for an installation: a master key, and the tables."""

from __future__ import annotations

from ml_connector.cli import console
from ml_connector.core.errors import Misconfigured
from ml_connector.core.migrate import migrate
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys


async def generate_key(name: str) -> None:
    """Print the key alone, so that it can be sent into a file; what to do with it goes to standard error."""
    console.out.print(MasterKeys.generate(name), markup=False, highlight=False, soft_wrap=True)
    console.err.print(
        "Keep it in a file that only the connector's user can read, named by ML_CONNECTOR_MASTER_KEY_FILE, and a copy "
        "in a safe place: what it encrypts cannot be read without it.",
        style="dim",
    )


async def migrate_tables() -> None:
    owner_url = settings().owner_database_url
    if not owner_url:
        raise Misconfigured("set ML_CONNECTOR_OWNER_DATABASE_URL to the address of the role that owns the tables")
    migrate(owner_url)
    console.out.print("The tables have the newest version.")

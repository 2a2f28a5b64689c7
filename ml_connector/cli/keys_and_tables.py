"""What is done once for an installation: a master key, and the tables."""

from __future__ import annotations

from rich.progress import Progress

from ml_connector.cli import console
from ml_connector.cli.database import open_database
from ml_connector.cli.tenant_names import tenant_names
from ml_connector.core.errors import Misconfigured
from ml_connector.core.migrate import migrate
from ml_connector.core.rotation import retire, rewrap
from ml_connector.core.settings import settings
from ml_connector.core.vault import MasterKeys, Vault


async def generate_key(name: str) -> None:
    """Print the key alone, so that it can be sent into a file; what to do with it goes to standard error."""
    console.out.print(MasterKeys.generate(name), markup=False, highlight=False, soft_wrap=True)
    console.err.print(
        "Keep it in a file that only the connector's user can read, named by ML_CONNECTOR_MASTER_KEY_FILE, and a copy "
        "in a safe place: what it encrypts cannot be read without it.",
        style="dim",
    )


async def rotate_keys() -> int:
    """Wrap every tenant's data keys by the first master key; the exit code is 1 if an older one is still needed."""
    master = MasterKeys.load(settings())
    async with open_database() as db:
        await Vault(db, master).check()
        tenants = await tenant_names(db)
        rewrapped = 0
        with Progress(console=console.err, transient=True) as progress:
            bar = progress.add_task("tenants", total=len(tenants))
            async for count in rewrap(db, master, tenants):
                rewrapped += count
                progress.advance(bar)
        free, needed = await retire(db, master)
    console.out.print(f"Data keys wrapped anew by {master.current}: {rewrapped}", highlight=False)
    if free:
        listed = ", ".join(free)
        console.out.print(
            f"Nothing here needs these any more, take them out of the configuration: {listed}. "
            "Backups from before can be read with them only",
            highlight=False,
        )
    elif not needed:
        console.out.print(
            f"There is no older key than {master.current}. To replace it: `ml-connector key generate`, put the new one "
            "before it in the configuration of every process, start them again, and come back",
            highlight=False,
        )
    for name in needed:
        console.err.print(
            f"{name} is still needed: a process that has not been started again has used it meanwhile. Start that "
            "again, and run this once more",
            style="red",
        )
    return int(bool(needed))


async def migrate_tables() -> None:
    owner_url = settings().owner_database_url
    if not owner_url:
        raise Misconfigured("set ML_CONNECTOR_OWNER_DATABASE_URL to the address of the role that owns the tables")
    migrate(owner_url)
    console.out.print("The tables have the newest version.")

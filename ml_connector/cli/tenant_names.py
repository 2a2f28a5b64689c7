"""Which tenants there are to look at."""

from __future__ import annotations

from ml_connector.core.db import Database
from ml_connector.core.settings import settings
from ml_connector.core.tenant_rows import known_tenants


async def tenant_names(db: Database) -> list[str]:
    """Those with a file, whether it can be read or not, and those that were ever applied."""
    files = {path.stem for path in settings().tenants_dir.glob("*.yaml")} - {"defaults"}
    return sorted(files | set(await known_tenants(db)))

"""The settings of this process: from the environment (prefix ``ML_CONNECTOR_``), a ``.env`` file, or a running `up`."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from ml_connector.core.errors import Misconfigured
from ml_connector.core.secret import Secret

ROOT = Path(__file__).resolve().parents[2]
HOME = Path(os.environ.get("ML_CONNECTOR_HOME") or ROOT / ".ml-connector")
"""The embedded databases, logs and the generated master key of `ml-connector up`; ML_CONNECTOR_HOME."""
ADDRESSES = HOME / "env"
"""Where a running ``ml-connector up`` is reached from other terminals; not there when none runs."""


class Settings(BaseSettings):
    """Where things are. What a tenant wants is in its tenant file, never here."""

    model_config = SettingsConfigDict(env_prefix="ML_CONNECTOR_", env_file=(ADDRESSES, ".env"), extra="ignore")

    database_url: str = ""
    """Postgres address of the runtime role (``mlc_app``). Empty: there is none, unless `up` starts one."""
    owner_database_url: str = ""
    """Postgres address of the role that owns the tables; only migrations use it."""
    master_keys: Secret = Secret("")
    """``id:base64 of 32 bytes``, several separated by commas; the first wraps new keys. Or ``master_key_file``."""
    master_key_file: Path | None = None
    tenants_dir: Path = ROOT / "tenants"
    mappings_dir: Path = ROOT / "mappings"
    allow_private_hosts: bool = False
    """Let connections point at private and loopback addresses over http: for the sandbox only."""
    public_url: str = ""
    """Where the receiver is reached from outside, such as https://hooks.example.com. Empty: vendors cannot call us."""
    operator_token: Secret = Secret("")
    """What operators show to the receiver's metrics; it must be set where the receiver listens beyond loopback."""
    keep_days: int = 90
    """How long bodies are kept after their records are finished, and events after they are handled. 0: for ever."""
    lease_seconds: float = 60.0
    """How long a stream stays ours without a sign of life from this process."""


@cache
def settings() -> Settings:
    """The settings, read once per process."""
    try:
        return Settings()
    except ValidationError as error:
        told = [f"ML_CONNECTOR_{'_'.join(map(str, one['loc'])).upper()}: {one['msg']}" for one in error.errors()]
        raise Misconfigured("\n".join(told)) from None  # without the values: there are secrets among them

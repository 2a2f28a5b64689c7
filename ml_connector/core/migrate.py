"""Brings a database to the newest version of our tables."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from ml_connector.core.conninfo import parameters
from ml_connector.core.settings import ROOT


def migrate(owner_url: str) -> None:
    """Run all outstanding migrations as the owner of the tables. Safe to repeat. Misconfigured: a malformed address."""
    config = _config()
    config.attributes["parameters"] = parameters(owner_url)
    command.upgrade(config, "head")


def newest() -> str:
    """The version that a database should have."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return config

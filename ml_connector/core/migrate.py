"""Brings a database to the newest version of our tables."""

from __future__ import annotations

from alembic import command
from alembic.config import Config

from ml_connector.core.settings import ROOT


def migrate(owner_url: str) -> None:
    """Run all outstanding migrations as the owner of the tables. Safe to repeat."""
    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    config.attributes["url"] = owner_url
    command.upgrade(config, "head")

"""Alembic's entry: runs the migrations as the role that owns the tables."""

from __future__ import annotations

from alembic import context
from sqlalchemy import NullPool, create_engine

url = context.config.attributes["url"].replace("postgresql://", "postgresql+psycopg://", 1)

with create_engine(url, hide_parameters=True, poolclass=NullPool).connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()

"""Alembic's entry: runs the migrations as the role that owns the tables."""

from __future__ import annotations

from alembic import context
from sqlalchemy import NullPool, create_engine

engine = create_engine(
    "postgresql+psycopg://",
    connect_args=context.config.attributes["parameters"],
    hide_parameters=True,
    poolclass=NullPool,
)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()

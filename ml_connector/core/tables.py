"""The rows of low rate, as SQLModel classes: what a person does writes them (``connections.py``). Raw SQL is the ledger
with its bodies and its audit (``ledger.py``), and whatever a flow run does, which is too short to import SQLAlchemy.

The tables themselves are made by the migrations, which also give them their row-level security; a test holds the two
against each other.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, DateTime, LargeBinary, text
from sqlmodel import Field, SQLModel


def _moment() -> datetime:
    """A column that Postgres fills with the time of the transaction."""
    column = Column(DateTime(timezone=True), nullable=False, server_default=text("now()"))
    moment: datetime = Field(default=None, sa_column=column)
    return moment


class Connection(SQLModel, table=True):
    """What is known of a connection: whether its credential works, and which account it reaches."""

    tenant: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    system: str
    status: str = "new"
    """``new``, ``ok`` or ``needs_reauth``."""
    identity: str | None = None
    reason: str | None = None
    updated_at: datetime = _moment()
    told_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    """When somebody was told that it is refused."""


class StoredSecret(SQLModel, table=True):
    """A secret of a connection, sealed by the vault."""

    __tablename__ = "secret"

    tenant: str = Field(primary_key=True)
    connection: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    envelope: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    updated_at: datetime = _moment()


class StoredToken(SQLModel, table=True):
    """The OAuth token of a connection, sealed by the vault; its row lock lets one process at a time renew it."""

    __tablename__ = "token"

    tenant: str = Field(primary_key=True)
    connection: str = Field(primary_key=True)
    envelope: bytes | None = Field(default=None, sa_column=Column(LargeBinary, nullable=True))
    updated_at: datetime = _moment()

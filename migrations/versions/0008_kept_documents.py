"""Documents of an ERP that are kept to be found by their numbers, and the open tickets that name numbers."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# Numbers are folded: small letters and digits only. ``own``: the ERP gave it, so it names one document of its kind.
TENANT_TABLES = {
    "document": """
        kind text not null,
        id text not null,
        party text,
        envelope bytea not null,
        updated_at timestamptz not null default clock_timestamp(),
        primary key (tenant, kind, id)
    """,
    "document_number": """
        number text not null,
        kind text not null,
        id text not null,
        own boolean not null,
        primary key (tenant, number, kind, id)
    """,
    "mention": """
        stream text not null,
        source_id text not null,
        number text not null,
        primary key (tenant, stream, source_id, number)
    """,
}
INDEXES = """
create index document_updated on document (tenant, updated_at);
create index document_number_of on document_number (tenant, kind, id);
create index mention_number on mention (tenant, number, stream);
"""
GRANTS = "grant select, insert, update, delete on document, document_number, mention to mlc_app"


def upgrade() -> None:
    for table, columns in TENANT_TABLES.items():
        op.execute(f"create table {table} (tenant text not null, {columns})")
        op.execute(f"alter table {table} enable row level security")
        op.execute(f"alter table {table} force row level security")
        op.execute(
            f"create policy of_tenant on {table} using (tenant = (select mlc_tenant())) "
            f"with check (tenant = (select mlc_tenant()))"
        )
    op.execute(INDEXES)
    op.execute(GRANTS)

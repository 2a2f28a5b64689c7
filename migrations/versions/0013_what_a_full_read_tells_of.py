"""Which objects a full read has told of, so that what the next one does not tell of any more shows."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# One row an object, moved by each read: no index but the key, so that a read is HOT updates.
PRESENCE = """
create table presence (
    tenant text not null,
    stream text not null,
    source_id text not null,
    run_id uuid not null,
    absent boolean not null default false,
    primary key (tenant, stream, source_id)
) with (fillfactor = 50);
alter table presence enable row level security;
alter table presence force row level security;
create policy of_tenant on presence using (tenant = (select mlc_tenant())) with check (tenant = (select mlc_tenant()));
grant select, insert, update on presence to mlc_app;
"""


def upgrade() -> None:
    op.execute(PRESENCE)

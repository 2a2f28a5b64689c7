"""Bodies and events can be deleted when their time is over, and records be found by the number that people know."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# A record's number (PartyNumber) next to its id (PartyId). Written once per record, by `Planning.plan`.
ALIAS = """
create table alias (
    tenant text not null,
    stream text not null,
    number text not null,
    source_id text not null,
    primary key (number, source_id, stream, tenant)
);
alter table alias enable row level security;
alter table alias force row level security;
create policy of_tenant on alias using (tenant = (select mlc_tenant())) with check (tenant = (select mlc_tenant()));
"""

GRANTS = """
grant select, insert on alias to mlc_app;
grant delete on body, inbox to mlc_app;
"""


def upgrade() -> None:
    op.execute(ALIAS)
    op.execute(GRANTS)

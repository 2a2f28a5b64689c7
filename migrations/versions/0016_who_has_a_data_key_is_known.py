"""Every tenant of which something is stored stands in the list of tenants, whether it was ever applied or not."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

KNOWN = """
alter table data_key no force row level security;
insert into tenant (name) select distinct tenant from data_key on conflict do nothing;
alter table data_key force row level security;
alter table tenant drop column active;
"""


def upgrade() -> None:
    op.execute(KNOWN)

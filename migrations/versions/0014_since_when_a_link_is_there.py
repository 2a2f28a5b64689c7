"""Since when a link is there: what waits for a link is looked at when there is a new one, not in each run."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

# An update that leaves the link where it is is HOT still.
SINCE = """
alter table link add column since timestamptz not null default now();
create index link_since on link (stream, tenant, since);
"""


def upgrade() -> None:
    op.execute(SINCE)

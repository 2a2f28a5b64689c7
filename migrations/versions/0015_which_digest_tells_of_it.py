"""Which digest a record is told in, so that what becomes of the digest finds it."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# The index holds only what digests stand for, so that an ordinary transition is a HOT update still.
DIGEST = """
alter table effect add column digest_id uuid;
alter table effect no force row level security;
update effect set digest_id = right(reason, 36)::uuid
    where state = 'digested' and starts_with(reason, 'told in the digest ');
alter table effect force row level security;
create index effect_digest on effect (digest_id) where digest_id is not null;
"""


def upgrade() -> None:
    op.execute(DIGEST)

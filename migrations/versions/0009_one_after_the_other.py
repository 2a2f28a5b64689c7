"""Effects that must wait for each other although they are of different records, and what a destination had to say.

The index holds only those effects that wait for others, so that an ordinary transition is a HOT update still.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table effect add column serial text")
    op.execute("create index effect_serial on effect (stream, serial) where serial is not null")
    op.execute("alter table body drop constraint body_kind_check")
    op.execute("alter table body add constraint body_kind_check check (kind in ('source', 'request', 'answer'))")

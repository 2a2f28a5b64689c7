"""That somebody was told of a connection whose credential is refused outlives the process that has found it out."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table connection add column told_at timestamptz")

"""Some vendors prove an address while our call that creates a webhook is open: until when that may be."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table endpoint add column handshake_until timestamptz")

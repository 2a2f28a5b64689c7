"""An event waits for no link: what it tells of enters the ledger, and waits there."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("drop index inbox_parked")
    op.execute("alter table inbox drop column awaits_stream, drop column awaits_dest_id")
    op.execute("alter table inbox drop constraint inbox_state_check")
    op.execute("alter table inbox add constraint inbox_state_check check (state in ('pending', 'done', 'rejected'))")

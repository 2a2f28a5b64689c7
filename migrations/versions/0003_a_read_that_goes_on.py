"""Watermarks: where a stream began, and the cursor with which a source that hands out one goes on in the next run."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table watermark add column begins_at timestamptz, add column cursor text")

"""Documents that are not done with can be found by whose they are, and payments by the numbers of what they settle."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table document add column open boolean not null default false")
    op.execute("alter table document_number add column settles boolean not null default false")
    op.execute("create index document_open on document (tenant, party) where open")
    op.execute("create index document_party on document (tenant, party) where kind = 'party'")

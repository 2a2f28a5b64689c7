"""What a run costs, next to a loop that does the same calls without a ledger and without an audit."""

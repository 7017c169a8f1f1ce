"""The audit trail of an account, and its purge."""

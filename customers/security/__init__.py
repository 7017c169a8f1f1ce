"""Who is calling, what they may, passwords, limits on guessing, and the audit trail."""

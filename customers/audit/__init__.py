"""Who did what to whom, when, and from where: the audit trail and the security log."""

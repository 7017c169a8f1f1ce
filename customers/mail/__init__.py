"""Mail: the outbox, what a mail looks like, and how it leaves."""

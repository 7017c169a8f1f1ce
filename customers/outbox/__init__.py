"""Mail, written with what it tells of, and sent when it can be."""

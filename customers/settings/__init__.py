"""The table of settings, by topic; customers/config.py puts it together."""

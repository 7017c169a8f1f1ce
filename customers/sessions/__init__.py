"""Logins, logouts, and who is calling."""

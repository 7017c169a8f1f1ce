"""Admins, who are made from the command line."""

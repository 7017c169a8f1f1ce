"""Importing and exporting customers as files, from the command line."""

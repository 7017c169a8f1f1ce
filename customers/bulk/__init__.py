"""Bulk work from the command line: importing and exporting customers."""

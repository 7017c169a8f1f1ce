"""Tests of the import and the export of customers."""

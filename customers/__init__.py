"""The customer-accounts service of an online shop."""

__version__ = "0.1.0"

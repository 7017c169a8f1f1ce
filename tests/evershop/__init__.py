"""Beside EverShop: one sign-in for both, with its own packages, on a database that both share."""

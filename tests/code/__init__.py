"""The code itself."""

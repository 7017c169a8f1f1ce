"""The shop that the tests of the audit trail act on."""

from tests.support.trail import shop

__all__ = ["shop"]

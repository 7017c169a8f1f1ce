"""The service without its limits: all tests come from one network, and many fail on purpose.

The tests of the limits switch on what they are about.
"""

from dataclasses import fields
from typing import Any

from customers.settings.limits import Limits

NO_LIMITS: dict[str, Any] = {row.name: 0 for row in fields(Limits) if row.name != "limit_longest_pause"}
# The same as environment variables.
NO_LIMITS_SET = {row.metadata["name"]: "0" for row in fields(Limits) if row.name in NO_LIMITS}

"""The application for a WSGI server. `flask` finds it here, too: nothing is connected before it is used."""

import sys

from app import create_app
from customers.errors import ConfigurationError

try:
    app = create_app()
except ConfigurationError as error:
    sys.exit(f"Error: {error}")

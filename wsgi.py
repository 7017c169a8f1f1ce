"""The application for a WSGI server, ready to serve."""

import logging
import sys

from app import create_app
from customers.config import ConfigurationError

try:
    app = create_app()
    resources = app.extensions["customers"]
    if resources.settings.embedded:
        logging.getLogger("customers").info(
            "no CUSTOMERS_DATABASE_URL: running an own PostgreSQL in %s, for development, with cookies over plain HTTP",
            resources.settings.data_dir.resolve(),
        )
    resources.prepare()
except ConfigurationError as error:
    sys.exit(f"Error: {error.message}")

"""How gunicorn serves: threads in a process per processor, JSON log lines, a shutdown that finishes what it began."""

import os
import sys
from pathlib import Path

from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from customers import logs, serving
from customers.config import ConfigurationError, load  # by name: "config" is a setting of gunicorn's
from customers.outbox.service import Sender
from customers.schema import SchemaConflict

try:
    settings = load(os.environ)
except ConfigurationError as error:
    sys.exit(f"Error: {error.message}")

# gunicorn has no setting for the errors it answers by itself.
util.write_error = serving.write_error

wsgi_app = "wsgi:app"
bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"

# The application is loaded once, before the fork: a fault in the configuration stops the start instead of every worker
# in turn, and the service's own PostgreSQL belongs to the process that lives longest.
preload_app = True
worker_class = "gthread"
workers = settings.workers
threads = settings.threads

# A worker is replaced after so many requests, not all at the same time, so that no leak grows for ever.
max_requests = 50_000
max_requests_jitter = 5_000

# On SIGTERM a worker finishes the requests it has begun; one that needs longer than this is stopped.
graceful_timeout = 30
# Longer than nginx keeps an idle connection to an upstream (60 s), so that it is nginx who closes it.
keepalive = 75

# Heartbeats in memory: a slow disk must not make a worker look dead.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
control_socket_disable = True


def on_starting(server: Arbiter) -> None:
    """Warn of what is missing, and start the service's own PostgreSQL, if it is to have one, before the fork."""
    resources = server.app.wsgi().extensions["customers"]
    if not resources.mail.available:
        server.log.warning("CUSTOMERS_SMTP_URL is not set: no mail is sent, and forgotten passwords cannot be replaced")
    try:
        resources.prepare()
    except (ConfigurationError, SchemaConflict) as error:
        sys.exit(f"Error: {error}")


def post_worker_init(worker: Worker) -> None:
    """Have a worker send mail beside its requests, unless a process of its own does."""
    resources = worker.wsgi.extensions["customers"]
    if resources.settings.mail_sender and resources.mail.available:
        worker.mail_sender = Sender(resources)
        worker.mail_sender.start()


def worker_exit(_: Arbiter, worker: Worker) -> None:
    """Let a worker finish the mail it is sending."""
    if hasattr(worker, "mail_sender"):
        worker.mail_sender.stop()


# The application writes the access log; see customers/hooks.py.
accesslog = None
logconfig_dict = logs.configuration(settings.log_level)

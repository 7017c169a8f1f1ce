"""How gunicorn serves: threads in a process per processor, JSON log lines, a shutdown that finishes what it began."""

import os
import sys

from gunicorn import util
from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from customers import countfiles, exporter, logs, serving, stopping, tracing
from customers.config import ConfigurationError, load  # by name: "config" is a setting of gunicorn's
from customers.outbox.service import Sender
from customers.schema import SchemaConflict

try:
    settings = load(os.environ)
except ConfigurationError as error:
    sys.exit(f"Error: {error.message}")

# Before the application is loaded, so that it counts there. Where nobody asks, each process counts for itself.
count_files = countfiles.shared() if settings.metrics_address else None

# gunicorn has no setting for the errors it answers by itself.
util.write_error = serving.write_error

wsgi_app = "wsgi:app"
bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"

# The application is loaded once, before the fork: a fault in the configuration stops the start instead of every worker
# in turn, and the service's own PostgreSQL belongs to the process that lives longest.
preload_app = True
worker_class = "customers.stopping.Worker"  # gthread, but for its end
workers = settings.workers
threads = settings.threads

# A worker is replaced after so many requests, not all at the same time, so that no leak grows for ever.
max_requests = 50_000
max_requests_jitter = 5_000

# On SIGTERM a worker finishes the requests it has begun; one that needs longer than this is stopped.
graceful_timeout = 30
# Longer than nginx keeps an idle connection to an upstream (60 s), so that it is nginx who closes it.
keepalive = 75

# Heartbeats in memory, where that is to be had: a slow disk must not make a worker look dead.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
control_socket_disable = True


def on_starting(server: Arbiter) -> None:
    """Warn of what is missing, and start the service's own PostgreSQL, if it is to have one, before the fork."""
    resources = server.app.wsgi().extensions["customers"]
    if not resources.mail.available:
        server.log.warning("CUSTOMERS_SMTP_URL is not set: no mail is sent, and forgotten passwords cannot be replaced")
    fault = tracing.fault(os.environ)
    if fault:
        server.log.warning("%s", fault)
    try:
        resources.prepare()
    except (ConfigurationError, SchemaConflict) as error:
        sys.exit(f"Error: {error}")
    if count_files and settings.metrics_address:
        host, port = settings.metrics_address
        try:
            exporter.start(count_files, settings, (host, port))
        except OSError as error:
            sys.exit(f"Error: CUSTOMERS_METRICS: cannot listen on {host}:{port}: {error.strerror}")


def when_ready(server: Arbiter) -> None:
    """Let no connection be lost when this instance is stopped."""
    stopping.stop_gently(server)


def pre_fork(server: Arbiter, worker: Worker) -> None:
    """Give a worker a place to count."""
    if count_files:
        worker.place = count_files.reserve({other.place for other in server.WORKERS.values()})


def post_fork(_: Arbiter, worker: Worker) -> None:
    """Have a worker count in its place."""
    if count_files:
        count_files.adopt(worker.place)


def child_exit(_: Arbiter, worker: Worker) -> None:
    """Forget the connections and the queue of a worker that is no more."""
    if count_files:
        count_files.release(worker.place)


def post_worker_init(worker: Worker) -> None:
    """Have a worker trace its requests if asked to, and send mail beside them unless a process of its own does."""
    resources = worker.wsgi.extensions["customers"]
    resources.metrics.begin(resources.settings.pool_size)
    worker.tracing = tracing.start(worker.wsgi, os.environ)
    if resources.settings.mail_sender and resources.mail.available:
        worker.mail_sender = Sender(resources)
        worker.mail_sender.start()


def worker_exit(_: Arbiter, worker: Worker) -> None:
    """Let a worker finish the mail it is sending, and hand in its traces."""
    if hasattr(worker, "mail_sender"):
        worker.mail_sender.stop()
    if getattr(worker, "tracing", None):
        tracing.stop(worker.tracing)


# The application writes the access log; see customers/hooks.py.
accesslog = None
logconfig_dict = logs.configuration(settings.log_level, settings.log_format)

"""gunicorn's configuration: `gunicorn` in this folder serves the application by its settings."""

import atexit
import gc
import os
import shutil
import sys
import tempfile

# What is imported from here on stays: no collection looks for garbage in it. See on_starting() and post_worker_init().
gc.disable()

from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

# In memory where that can be written: in a container whose root is read-only, /dev/shm is often all there is.
memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# prometheus-client looks for this when it is imported: the workers count in files of a folder of their own.
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="customers-metrics-", dir=memory)

from prometheus_client import multiprocess
from sqlalchemy.exc import SQLAlchemyError

from customers.config import load
from customers.errors import ConfigurationError
from customers.http import context
from customers.mail.sender import Sender
from customers.telemetry import logs, tracing

try:
    settings = load(os.environ)
except ConfigurationError as error:
    sys.exit(f"Error: {error}")

wsgi_app = "wsgi:app"
bind = f"[{settings.host}]:{settings.port}" if ":" in settings.host else f"{settings.host}:{settings.port}"

preload_app = True  # a fault in the application stops the start instead of every worker in turn
worker_class = "gthread"
workers = settings.workers
threads = settings.threads
graceful_timeout = 30  # on SIGTERM a worker finishes the requests it has begun
keepalive = 75  # longer than nginx keeps an idle connection to an upstream (60 s), so that nginx closes it
# What deploy/nginx.conf lets pass: it refuses longer ones with an error in the envelope. By HTTP/2 a header of 8 KiB in
# nginx's buffers may be a longer one: it is compressed, and cookies come one by one.
limit_request_line = 8190
limit_request_field_size = 40_000
limit_request_fields = 1100  # nginx lets 1000 pass, and adds its own
forwarder_headers = ""  # by default a header SCRIPT_NAME from this machine would change which path is served
worker_tmp_dir = memory  # a slow disk must not make a worker look dead
control_socket_disable = True
accesslog = None  # the application writes the access log: see customers/http/request.py
logconfig_dict = logs.configuration(settings.log_level, settings.log_format)


def on_starting(server: Arbiter) -> None:
    """Warn of what is missing, and refuse a database that can never work, before the workers start."""
    ctx = context.of(server.app.wsgi())
    if not ctx.mail.available:
        server.log.warning("CUSTOMERS_SMTP_URL is not set: no mail is sent, and forgotten passwords cannot be replaced")
    if fault := tracing.fault(os.environ):
        server.log.warning("%s", fault)
    try:
        with ctx.db.autocommit():
            pass
    except SQLAlchemyError as error:
        if "needs UTF8" in str(error):
            sys.exit(f"Error: {logs.cause(error)}")
        server.log.warning("the database does not answer: %s", logs.cause(error))
    ctx.db.close()  # a connection must not be shared by the workers
    gc.freeze()  # what there is by now stays out of every collection of garbage, and shared by the workers


def post_worker_init(worker: ThreadWorker) -> None:
    """Have a worker trace its requests if asked to, and send mail beside them unless a process of its own does."""
    gc.enable()
    app = worker.wsgi
    ctx = context.of(app)
    if provider := tracing.start(os.environ):
        ctx.db.cursor_factory = tracing.traced_cursor(provider)
        app.wsgi_app = tracing.trace_requests(app.wsgi_app, provider)
        atexit.register(tracing.stop, provider)
    if ctx.settings.mail_sender and ctx.mail.available:
        sender = Sender(ctx.db, ctx.settings, ctx.mail)
        sender.start()
        atexit.register(sender.stop)


def on_exit(_: Arbiter) -> None:
    """Remove the metrics' folder if it was made here."""
    folder, own = os.environ["PROMETHEUS_MULTIPROC_DIR"], f"{memory or tempfile.gettempdir()}/customers-metrics-"
    if folder.startswith(own):
        shutil.rmtree(folder, ignore_errors=True)


def child_exit(_: Arbiter, worker: ThreadWorker) -> None:
    """Forget the gauges of a worker that has ended."""
    multiprocess.mark_process_dead(worker.pid)

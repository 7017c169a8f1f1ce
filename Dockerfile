# The service as an image: Python, a virtual environment, and the files the service needs.
#
#   docker build --tag customers .
#   docker run --rm --env-file settings.env customers flask init-db
#   docker run --read-only --cap-drop ALL --security-opt no-new-privileges --stop-timeout 35 --publish 8000:8000 \
#       --env-file settings.env customers
#
# The one place it must be able to write is /dev/shm, which every container has, or in its stead /tmp. After init-db the
# owner of the tables applies deploy/role.sql; settings.env names the role that it makes.

# Any image with python3 (3.11 or later) and its venv module. Both stages must use the same one: a virtual environment
# only works with the interpreter it was made from.
ARG BASE=docker.io/library/python:3.13.16-slim-trixie


FROM ${BASE} AS build

# pip gets a virtual environment of its own. The other one, which is shipped, never holds it.
RUN python3 -m venv /pip && python3 -m venv --without-pip /venv

# The requirements come before the code, so that a change of code does not install them again. Wheels only: a package
# that would have to be compiled is an error here. Bytecode is made further down.
COPY requirements.txt /build/
RUN /pip/bin/pip --python /venv/bin/python install --no-cache-dir --no-compile --disable-pip-version-check \
        --only-binary :all: --no-deps --require-hashes --requirement /build/requirements.txt \
    && /pip/bin/pip --python /venv/bin/python check --disable-pip-version-check

COPY app.py wsgi.py gunicorn.conf.py schema.sql /app/
COPY customers /app/customers/

# The code must be readable by the service's user, whatever the umask it was checked out with. Bytecode is made now
# because the service may not write any later. Python need not compare it with its source: neither changes any more.
RUN chmod -R u=rwX,go=rX /app \
    && /venv/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /venv/lib /app


FROM ${BASE}

# Python writes no files, and what it prints is not held back.
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOST=0.0.0.0 \
    PORT=8000

# Everything belongs to root: the service can read its code and not change it.
COPY --from=build /venv /venv
COPY --from=build /app /app

# flask and gunicorn find the application, and gunicorn its settings, in the working directory.
WORKDIR /app

# A number, so that an orchestrator can see that it is not root. The user needs no name and no home.
USER 10001:10001

EXPOSE 8000

# Is the process up? Whether it can serve is for /readyz: a restart does not mend a database. An answer that is not a
# success makes open() raise. The empty ProxyHandler keeps it from asking a proxy that the environment may name.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; \
        url = 'http://127.0.0.1:' + (os.getenv('PORT') or '8000') + '/healthz'; \
        r.build_opener(r.ProxyHandler({})).open(url, timeout=2)"]

# No shell in between: gunicorn is process 1 and gets the SIGTERM that ends it. It then finishes the requests it has
# begun, for up to 30 seconds, so give it longer than that before it is killed.
CMD ["gunicorn"]

#!/bin/sh
# What the tests of the databases need beside Python: PostgreSQL 15 and PgBouncer. Installed where that can be done
# without asking (as root, on a Debian 12); elsewhere this says what is missing.
set -eu

missing=
[ -x /usr/lib/postgresql/15/bin/postgres ] || missing="postgresql-15"
[ -x /usr/sbin/pgbouncer ] || missing="$missing pgbouncer"
# shellcheck disable=SC2086  # words are packages
"$(dirname "$0")/../../install.sh" "The tests of the databases" $missing

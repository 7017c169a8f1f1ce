#!/bin/sh
# What the tests of the databases need beside Python: PostgreSQL 15 and PgBouncer. Installed where that can be done
# without asking (as root, on a Debian 12); elsewhere this says what is missing.
set -eu

missing=
[ -x /usr/lib/postgresql/15/bin/postgres ] || missing="postgresql-15"
[ -x /usr/sbin/pgbouncer ] || missing="$missing pgbouncer"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests of the databases need, as Debian calls them: $missing" >&2
    exit 1
fi
apt-get update -qq
# shellcheck disable=SC2086  # words are packages
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing

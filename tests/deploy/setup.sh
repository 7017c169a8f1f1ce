#!/bin/sh
# What the tests of the deployment need beside Python: nginx, Chromium, openssl, and PostgreSQL 15.
# Installed where that can be done without asking (as root, on a Debian); elsewhere this says what is missing.
set -eu

PATH=$PATH:/usr/sbin:/sbin
missing=
command -v nginx >/dev/null || missing="nginx-light"
command -v chromium >/dev/null || missing="$missing chromium fonts-dejavu-core"
command -v openssl >/dev/null || missing="$missing openssl"
[ -x /usr/lib/postgresql/15/bin/postgres ] || missing="$missing postgresql-15"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests of the deployment need, as Debian calls them: $missing" >&2
    exit 1
fi
# Nothing that is installed is to be started: the tests start what they need, on ports of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
# shellcheck disable=SC2086  # words are packages
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing

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
# shellcheck disable=SC2086  # words are packages
"$(dirname "$0")/../install.sh" "The tests of the deployment" $missing

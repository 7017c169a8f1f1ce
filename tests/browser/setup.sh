#!/bin/sh
# What the browser tests need beside Python: Chromium, and npm for the accessibility checker. Installed where that can be
# done without asking (as root, on a Debian); elsewhere this says what is missing.
set -eu
cd "$(dirname "$0")"

missing=
command -v chromium >/dev/null || missing="chromium fonts-dejavu-core"
command -v npm >/dev/null || missing="$missing npm"
# shellcheck disable=SC2086  # words are packages
../install.sh "The browser tests" $missing

# The lock has the checksum; nothing of the package is run here.
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --ignore-scripts --no-audit --no-fund --loglevel=error

#!/bin/sh
# What the tests of the image need beside Python: buildah and debootstrap, and what starts a process in a root of its
# own. Installed where that can be done without asking (as root, on a Debian); elsewhere this says what is missing.
set -eu

missing=
for command in buildah debootstrap; do
    command -v "$command" >/dev/null || missing="$missing $command"
done
command -v setpriv >/dev/null && command -v unshare >/dev/null || missing="$missing util-linux"
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "The tests of the image need root on a Debian, and, as it calls them:${missing:- nothing more}" >&2
    exit 1
fi
if [ -n "$missing" ]; then
    apt-get update -qq
    # shellcheck disable=SC2086  # words are packages
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 $missing
fi

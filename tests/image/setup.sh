#!/bin/sh
# What the tests of the image need beside Python: buildah and debootstrap, and what starts a process in a root of its
# own. Installed where that can be done without asking (as root, on a Debian); elsewhere this says what is missing.
set -eu

missing=
for command in buildah debootstrap; do
    command -v "$command" >/dev/null || missing="$missing $command"
done
command -v setpriv >/dev/null && command -v unshare >/dev/null || missing="$missing util-linux"
if [ "$(id -u)" != 0 ]; then
    echo "The tests of the image need root, on a Debian" >&2
    exit 1
fi
# shellcheck disable=SC2086  # words are packages
"$(dirname "$0")/../install.sh" "The tests of the image" $missing

#!/bin/sh
# Installs the Debian packages that are missing, where that can be done without asking (as root, on a Debian); elsewhere
# says which.
#
#   install.sh PACKAGE...
set -eu
PATH=$PATH:/usr/sbin:/sbin

missing=
for package; do
    case $package in
        fonts-dejavu-core) proof=/usr/share/fonts/truetype/dejavu ;;
        nginx-light) proof=nginx ;;
        postgresql-15) proof=/usr/lib/postgresql/15/bin/postgres ;;
        util-linux) proof=unshare ;;
        *) proof=$package ;;
    esac
    [ -e "$proof" ] || command -v "$proof" >/dev/null || missing="$missing $package"
done
[ "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "These tests need, as Debian calls them:$missing" >&2
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
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 $missing

#!/bin/sh
# Installs packages where that can be done without asking (as root, on a Debian); elsewhere says what is missing.
#
#   install.sh WHO PACKAGE...       WHO needs them, for the message
set -eu

who=$1
shift
[ $# -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "$who need, as Debian calls them: $*" >&2
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
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"

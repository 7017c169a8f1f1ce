#!/bin/sh
# Installs one lock into a virtual environment, which is made first when it is missing or incomplete.
#
#   dev/install.sh VENV LOCK        PYTHON names the interpreter (default: python3)
#
# Success leaves the file VENV/.installed/<name of the lock>, for make. An interrupted installation leaves no
# VENV/.installed, so that the next one starts from nothing.
#
# Nothing is resolved: a lock names every package with its version and hash, pip takes those wheels and no others
# (--no-deps), and `pip check` then proves that nothing is missing. So a newer release of a package changes nothing.
set -eu

venv=$1
lock=$2
python=${PYTHON:-python3}
done=$venv/.installed
log=$venv/install.log

fail() {
    echo "Error: $*" >&2
    exit 1
}

command -v "$python" >/dev/null || fail "$python was not found. Install Python 3.11 or later, or name it: make PYTHON=python3.12 …"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "Python 3.11 or later is needed, and this is $("$python" -V 2>&1). Name another one: make PYTHON=python3.12 …"

if [ -d "$done" ]; then
    mv "$done" "$venv/.installing"
else
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python's venv module is missing. On Debian or Ubuntu: apt-get install python3-venv"
    "$python" -m venv --clear "$venv"
    mkdir "$venv/.installing"
fi
if ! "$venv/bin/pip" install --quiet --disable-pip-version-check --retries 2 --only-binary :all: \
    --no-deps --require-hashes --requirement "$lock" 2>"$log"; then
    if grep -qE 'NewConnectionError|ConnectTimeout|ReadTimeout|NameResolution|ProxyError|Max retries exceeded' "$log"; then
        fail "pip cannot reach its package index. Check the network and pip's settings ('pip config list'), then run make again. ($log)"
    fi
    fail "pip could not install $lock: $(grep -m1 '^ERROR:' "$log" || tail -n 1 "$log") ($log)"
fi
"$venv/bin/pip" check --disable-pip-version-check >"$log" || fail "$lock is incomplete: $(head -n 1 "$log")"
rm "$log"
touch "$venv/.installing/$(basename "$lock")"
mv "$venv/.installing" "$done"

#!/bin/sh
# Restarts the instances behind nginx one after another; no request fails.
#
#   ./rolling-restart.sh 'systemctl restart customers@$PORT'
#   NGINX='docker compose exec -T nginx' ./rolling-restart.sh 'docker compose up --detach --no-deps customers-$PORT'
#
# The command restarts the instance on $PORT, and returns when the old process has ended. It must stop it with SIGTERM, on
# which gunicorn finishes the requests that it has begun, and give it 35 seconds for that.
#
# NGINX runs a command where nginx runs, if that is not here: there the files are made that nginx.conf looks for, and
# there curl asks the instances whether they are ready. PORTS names the instances' ports, as nginx.conf does. DRAIN is how
# many whole seconds an instance is left alone before it is stopped: as long as a request may take from nginx to it.
#
# On Kubernetes the preStop pause in kubernetes.yaml does the same.
set -eu

restart=${1:?the command that restarts the instance on \$PORT is missing}
ports=${PORTS:-8000 8001}
drain=${DRAIN:-2}

fail() {
    echo "$*" >&2
    exit 1
}

taken_out() { echo "${RUN:-/run}/nginx-without-$1"; }

# Words of $NGINX are words of a command.
ready() { ${NGINX:-} curl --noproxy 127.0.0.1 --silent --fail --max-time 5 --output /dev/null "http://127.0.0.1:$1/readyz"; }

case $drain in '' | *[!0-9]*) fail "DRAIN must be whole seconds: $drain" ;; esac

for port in $ports; do
    ready "$port" || fail "The instance on port $port is not ready: nothing was restarted."
    ! ${NGINX:-} test -e "$(taken_out "$port")" || fail "$(taken_out "$port") exists: is another restart under way?"
done

for port in $ports; do
    ${NGINX:-} touch "$(taken_out "$port")"
    sleep "$drain"
    PORT=$port sh -c "$restart" || fail "The command failed for port $port, which nginx leaves out until $(taken_out "$port") is removed."
    tries=60
    until ready "$port"; do
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "The instance on port $port is not ready; nginx leaves it out until $(taken_out "$port") is removed."
        sleep 1
    done
    ${NGINX:-} rm "$(taken_out "$port")"
    echo "The instance on port $port is restarted."
done

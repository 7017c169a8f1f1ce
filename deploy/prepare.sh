#!/bin/sh
# Makes what compose.yaml needs and what is in no repository, where it is not there yet: random secrets in .env, and in
# tls/ a certificate that signs itself. Put a real one in its place, under the same names.
set -eu
cd "$(dirname "$0")"
umask 077

random() { od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'; }

touch .env
for name in POSTGRES_PASSWORD SERVICE_PASSWORD CUSTOMERS_SECRET_KEY EVERSHOP_COOKIE_SECRET; do
    grep -q "^$name=" .env || echo "$name=$(random)" >> .env
done

name=shop.example # as nginx.conf has it
if [ ! -e "tls/$name.key" ]; then
    mkdir -p tls
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$name" \
        -addext "subjectAltName=DNS:$name" -keyout "tls/$name.key.new" -out "tls/$name.pem" 2>/dev/null
    mv "tls/$name.key.new" "tls/$name.key"
fi

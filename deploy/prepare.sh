#!/bin/sh
# Makes what compose.yaml needs and what is in no repository, where it is not there yet: random secrets in .env, and in
# tls/ a certificate that signs itself. Put a real one in its place, under the same names.
set -eu
cd "$(dirname "$0")"
umask 077

random() { od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n'; }

touch .env
[ -z "$(tail -c 1 .env)" ] || echo >> .env # a last line without an end
for name in POSTGRES_PASSWORD SERVICE_PASSWORD CUSTOMERS_SECRET_KEY EVERSHOP_COOKIE_SECRET; do
    grep -q "^$name=." .env && continue
    secret=$(random)
    [ "${#secret}" -eq 64 ] || { echo "od gave no random bytes" >&2; exit 1; }
    echo "$name=$secret" >> .env # of two lines the last counts
done

name=shop.example # as nginx.conf has it
if [ ! -e "tls/$name.key" ]; then
    mkdir -p tls
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=$name" \
        -addext "subjectAltName=DNS:$name" -keyout "tls/$name.key.new" -out "tls/$name.pem"
    mv "tls/$name.key.new" "tls/$name.key"
fi

#!/bin/bash
# Makes the database cluster once, as the official image does: POSTGRES_PASSWORD, /docker-entrypoint-initdb.d/*.sh.
set -euo pipefail
export PGDATA=${PGDATA:-/var/lib/postgresql/18/docker}
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chmod 700 "$PGDATA"
  initdb --username=postgres --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") --auth-host=scram-sha-256 --auth-local=trust \
    --encoding=UTF8 --locale=C.UTF-8 >/dev/null
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
  pg_ctl -o "-c listen_addresses=''" -w start >/dev/null
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
      *.sql) psql -v ON_ERROR_STOP=1 --username postgres --no-password --dbname postgres -f "$file" ;;
    esac
  done
  pg_ctl -m fast -w stop >/dev/null
fi
[ "$1" = postgres ] && shift && set -- postgres -c "listen_addresses=*" "$@"
exec "$@"

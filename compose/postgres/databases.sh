#!/bin/sh
# One database for each service, and a user for each who may do nothing in those of others.
set -eu
for name in $DATABASES; do
  psql --username postgres --no-password --dbname postgres --quiet --set ON_ERROR_STOP=1 --set password="$POSTGRES_PASSWORD" <<SQL
CREATE ROLE $name LOGIN PASSWORD :'password';
CREATE DATABASE $name OWNER $name;
REVOKE CONNECT ON DATABASE $name FROM PUBLIC;
SQL
done

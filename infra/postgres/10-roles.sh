#!/bin/sh
# Run once by the PostgreSQL image when it makes the database.
set -eu
exec psql --no-psqlrc --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" --file /opt/chatter/roles.sql

#!/bin/sh
# backup.sh FOLDER: a dated folder with journals and records of this machine, verified, and with Prefect's database
# when PGDATABASE names one. To restore: VESIFLOW_HOME is the dated folder; pg_restore --dbname NEW prefect.dump
set -eu
target="${1:?give the folder of the backups}/$(date -u +%Y%m%dT%H%M%SZ)"
vesiflow batch backup "$target"
if [ -n "${PGDATABASE:-}" ]; then
    pg_dump --format=custom --file "$target/prefect.dump"
    pg_restore --list "$target/prefect.dump" >/dev/null
fi
echo "$target"

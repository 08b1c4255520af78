#!/bin/sh
# Puts a backup in the place of the database: BACKUP, a file of the volume, or the newest one.
set -eu
if [ -n "$BACKUP" ]; then
  file="$BACKUPS/$BACKUP"
else
  file=$(find "$BACKUPS" -name 'metadata-*.dump' | sort | tail -n 1)
fi
if [ -z "$file" ] || [ ! -f "$file" ]; then
  echo "No such backup: ${BACKUP:-none at all}. There are:" >&2
  ls "$BACKUPS" >&2
  exit 2
fi
PGPASSWORD=$(cat "$METADATA_PASSWORD_FILE")
export PGPASSWORD
# All or nothing: a file that is damaged changes nothing.
pg_restore --host "$METADATA_HOST" --port "${METADATA_PORT:-5432}" --username "$METADATA_USER" --no-password \
  --dbname "$METADATA_DATABASE" --clean --if-exists --single-transaction --exit-on-error "$file"
echo "$METADATA_DATABASE is as it was in $file"

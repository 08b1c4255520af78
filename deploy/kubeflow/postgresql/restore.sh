#!/bin/sh
# Replace the database by a backup: BACKUP, a file of the volume, or by default the newest.
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
# In one transaction, so that a damaged file changes nothing.
pg_restore --host "$METADATA_HOST" --port "${METADATA_PORT:-5432}" --username "$METADATA_USER" --no-password \
  --dbname "$METADATA_DATABASE" --clean --if-exists --single-transaction --exit-on-error "$file"
echo "$METADATA_DATABASE is as it was in $file"

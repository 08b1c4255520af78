#!/bin/sh
# Replace the database by a backup: BACKUP, a file of the volume, or by default the newest.
set -eu
umask 077
if [ -n "$BACKUP" ]; then
  file="$BACKUPS/$BACKUP"
else
  file=$(find "$BACKUPS" -name 'metadata-*.sql.gz' | sort | tail -n 1)
fi
if [ -z "$file" ] || [ ! -f "$file" ]; then
  echo "No such backup: ${BACKUP:-none at all}. There are:" >&2
  ls "$BACKUPS" >&2
  exit 2
fi
# Check the file before anything is dropped.
gzip --test "$file"
options=$(mktemp)
trap 'rm -f "$options"' EXIT
password=$(sed 's/[\\"]/\\&/g' "$METADATA_PASSWORD_FILE")
printf '[client]\nhost=%s\nport=%s\nuser=%s\npassword="%s"\n' \
  "$METADATA_HOST" "${METADATA_PORT:-3306}" "$METADATA_USER" "$password" >"$options"
gzip --decompress --stdout "$file" | mariadb --defaults-extra-file="$options"
echo "$METADATA_DATABASE is as it was in $file"

#!/bin/sh
# Write a dump of the database atomically, and keep the newest KEEP dumps.
set -eu
umask 077
partial="$BACKUPS/.partial"
trap 'rm -f "$partial"' EXIT
PGPASSWORD=$(cat "$METADATA_PASSWORD_FILE")
export PGPASSWORD

pg_dump --host "$METADATA_HOST" --port "${METADATA_PORT:-5432}" --username "$METADATA_USER" --no-password \
  --format custom --file "$partial" "$METADATA_DATABASE"
file="$BACKUPS/metadata-$(date -u +%Y%m%dT%H%M%SZ).dump"
mv "$partial" "$file"
echo "$file: $(wc -c <"$file") bytes"
find "$BACKUPS" -name 'metadata-*.dump' | sort -r | tail -n "+$((KEEP + 1))" | while read -r old; do
  rm "$old"
  echo "$old: removed, beyond the newest $KEEP"
done

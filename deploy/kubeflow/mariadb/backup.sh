#!/bin/sh
# Writes a dump of the database beside the earlier ones and keeps the newest KEEP. It appears whole or not at all.
set -eu
umask 077
options=$(mktemp)
partial="$BACKUPS/.partial"
trap 'rm -f "$options" "$partial" "$partial.gz"' EXIT
# A command line can be seen by others; a file of options cannot. Backslash and quote are what such a file takes for its own.
password=$(sed 's/[\\"]/\\&/g' "$METADATA_PASSWORD_FILE")
printf '[client]\nhost=%s\nport=%s\nuser=%s\npassword="%s"\n' \
  "$METADATA_HOST" "${METADATA_PORT:-3306}" "$METADATA_USER" "$password" >"$options"

mariadb-dump --defaults-extra-file="$options" --single-transaction --add-drop-database --hex-blob \
  --result-file="$partial" --databases "$METADATA_DATABASE"
# The last line that a dump gets; one without it was cut off.
tail -n 1 "$partial" | grep -q '^-- Dump completed'
gzip "$partial"
file="$BACKUPS/metadata-$(date -u +%Y%m%dT%H%M%SZ).sql.gz"
mv "$partial.gz" "$file"
echo "$file: $(wc -c <"$file") bytes"
find "$BACKUPS" -name 'metadata-*.sql.gz' | sort -r | tail -n "+$((KEEP + 1))" | while read -r old; do
  rm "$old"
  echo "$old: removed, beyond the newest $KEEP"
done

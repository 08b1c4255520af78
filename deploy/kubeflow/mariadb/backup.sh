#!/bin/sh
# Write a dump of the database atomically, and keep the newest KEEP dumps.
set -eu
umask 077
options=$(mktemp)
partial="$BACKUPS/.partial"
trap 'rm -f "$options" "$partial" "$partial.gz"' EXIT
# Other processes can see a command line, but not an option file, in which backslashes and quotes must be escaped.
password=$(sed 's/[\\"]/\\&/g' "$METADATA_PASSWORD_FILE")
printf '[client]\nhost=%s\nport=%s\nuser=%s\npassword="%s"\n' \
  "$METADATA_HOST" "${METADATA_PORT:-3306}" "$METADATA_USER" "$password" >"$options"

mariadb-dump --defaults-extra-file="$options" --single-transaction --add-drop-database --hex-blob \
  --result-file="$partial" --databases "$METADATA_DATABASE"
# A complete dump ends with this line.
tail -n 1 "$partial" | grep -q '^-- Dump completed'
gzip "$partial"
file="$BACKUPS/metadata-$(date -u +%Y%m%dT%H%M%SZ).sql.gz"
mv "$partial.gz" "$file"
echo "$file: $(wc -c <"$file") bytes"
find "$BACKUPS" -name 'metadata-*.sql.gz' | sort -r | tail -n "+$((KEEP + 1))" | while read -r old; do
  rm "$old"
  echo "$old: removed, beyond the newest $KEEP"
done

#!/bin/sh
# What tests start on this machine: the database servers of ML Metadata, and the driver of an object store. Packages of
# Debian and Ubuntu, where they are not there yet.
set -eu
there() { command -v "$1" >/dev/null 2>&1 || ls /usr/sbin/"$1" /usr/lib/postgresql/*/bin/"$1" >/dev/null 2>&1; }
if there mariadbd && there postgres && there rclone && there fusermount3; then exit 0; fi
if [ "$(id -u)" -ne 0 ]; then
  echo "Not all of MariaDB, PostgreSQL and rclone found. As root:" \
    "apt-get install --no-install-recommends mariadb-server postgresql rclone fuse3" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
# The packages would start servers of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends mariadb-server postgresql rclone fuse3 >/dev/null

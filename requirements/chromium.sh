#!/bin/sh
# The browser that the tests of the report's page drive: Debian's and Ubuntu's own package, where there is none yet.
set -eu
if command -v chromium >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" -ne 0 ]; then
  echo "No chromium found. As root: apt-get install --no-install-recommends chromium fonts-dejavu-core" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null

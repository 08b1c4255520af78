#!/bin/sh
# What makes a Debian tree to run the image's steps and the second stack in, where it is missing; needs root.
set -eu
if command -v debootstrap >/dev/null 2>&1; then exit 0; fi
if [ "$(id -u)" -ne 0 ]; then
  echo "No debootstrap found. As root: apt-get install --no-install-recommends debootstrap" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends debootstrap >/dev/null

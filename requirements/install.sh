#!/bin/sh
# Makes .venv from the lock: finds a Python that serves, installs uv into .uv, and lets uv install the rest.
set -eu
cd "$(dirname "$0")/.."

newest_glibc() { [ "$(printf '%s\n2.39\n' "$1" | sort -V | head -1)" = 2.39 ]; }

# TFX 1.21 (Python 3.11-3.13) ships wheels for glibc 2.39 and later only; TFX 1.16 (Python 3.10) runs on any.
serves() {
  version=$("$1" -c 'import sys, platform; print("%d.%d" % sys.version_info[:2], platform.libc_ver()[1] or "0")' 2>/dev/null) || return 1
  case "$version" in
    "3.10 "*) return 0 ;;
    "3.11 "* | "3.12 "* | "3.13 "*) newest_glibc "${version#* }" ;;
    *) return 1 ;;
  esac
}

find_python() {
  for candidate in ${PYTHON:-} python3.10 python3.13 python3.12 python3.11 python3 python; do
    if serves "$candidate"; then echo "$candidate"; return 0; fi
  done
  echo "No usable Python found: Python 3.10 serves everywhere, 3.11-3.13 where glibc is 2.39 or later. Get one with 'pyenv install 3.10' or your system's packages, or name it: make run PYTHON=/path/to/python3.10" >&2
  return 1
}

python=$(find_python)
echo "Setting up .venv with $("$python" --version) (about a minute and 3.5 GB; once)" >&2
rm -rf .venv
UV_COMPILE_BYTECODE=1 requirements/sync.sh "$python" .uv .venv requirements/lock.txt
touch .venv/ready

#!/bin/sh
# Makes .venv from the lock: finds the newest usable Python, installs uv into .uv, and lets uv install the rest.
set -eu
cd "$(dirname "$0")/.."

at_least_2_39() { [ "$(printf '%s\n2.39\n' "$1" | sort -V | head -1)" = 2.39 ]; }

# "3.13 2.41": Python's version and that of glibc, of an interpreter that can make virtual environments.
versions() {
  "$1" -c 'import ensurepip, venv, sys, platform; print("%d.%d" % sys.version_info[:2], platform.libc_ver()[1] or "0")' 2>/dev/null
}

# TFX 1.21 (Python 3.11-3.13) ships wheels for glibc 2.39 and later only; TFX 1.16 (Python 3.10) runs on any.
is_usable() {
  found=$(versions "$1") || return 1
  case "$found" in
    "3.10 "*) return 0 ;;
    "3.11 "* | "3.12 "* | "3.13 "*) at_least_2_39 "${found#* }" ;;
    *) return 1 ;;
  esac
}

# Every one on the PATH, the newest first: the first of a name may be a shim of pyenv for a version that is not active.
candidates() {
  for name in python3.13 python3.12 python3.11 python3 python3.10 python; do
    (IFS=:; for folder in $PATH; do if [ -x "$folder/$name" ]; then echo "$folder/$name"; fi; done)
  done
}

find_python() {
  for candidate in ${PYTHON:-} $(candidates); do
    if is_usable "$candidate"; then echo "$candidate"; return 0; fi
  done
  echo "No usable Python found: 3.11 to 3.13 with glibc 2.39 or later (Debian 13, Ubuntu 24.04), or 3.10 anywhere, each with its venv module. Install your system's python3-venv or run 'pyenv install 3.10', or name one: make run PYTHON=/path/to/python3.10" >&2
  return 1
}

python=$(find_python)
found=$(versions "$python")
case "$found" in
  "3.10 "*)
    if at_least_2_39 "${found#* }"; then why="no Python 3.11 to 3.13 with its venv module was found"; else why="glibc ${found#* } is older than the 2.39 that TFX 1.21 needs"; fi
    echo "Installing the older stack, TFX 1.16 on Python 3.10: $why" >&2 ;;
esac
echo "Setting up .venv with $("$python" --version) (about a minute and 3.5 GB; once)" >&2
rm -rf .venv
UV_COMPILE_BYTECODE=1 requirements/sync.sh "$python" .uv .venv requirements/lock.txt
touch .venv/ready

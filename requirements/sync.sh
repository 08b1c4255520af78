#!/bin/sh
# Installs a lock: sync.sh PYTHON UV ENVIRONMENT LOCK. Puts uv into a folder of its own, makes the environment if there is
# none, and lets uv install what the lock names into it; of what comes from an index, nothing has no hash.
set -eu
python=$1 uv=$2 environment=$3 lock=$4
here=$(dirname "$0")
"$python" -m venv --clear "$uv"
"$uv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$here/uv.txt"

# uv does not read pip's configuration; a user's own index must hold for both.
index=$("$uv/bin/python" -m pip config get global.index-url 2>/dev/null || true)
[ -z "$index" ] || export UV_DEFAULT_INDEX="${UV_DEFAULT_INDEX:-$index}"
[ -d "$environment" ] || "$uv/bin/uv" venv --quiet --python "$python" "$environment"
# What is built from source is built with the lock's own setuptools.
"$uv/bin/uv" pip install --quiet --python "$environment/bin/python" --no-deps --require-hashes \
  --build-constraints "$lock" --requirements "$lock"

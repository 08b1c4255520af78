#!/bin/sh
# Writes the locks again from the .in files: of what develops and tests on both stacks, of the image, and of uv itself.
set -eu
cd "$(dirname "$0")/.."

lock() { # lock PYTHON OUTPUT INPUT...
  python=$1 output=$2
  shift 2
  .uv/bin/uv pip compile --quiet --universal --python-version "$python" --generate-hashes --no-emit-index-url --no-header \
    --output-file "requirements/$output" "$@"
}

lock 3.10 lock.txt requirements/main.in requirements/dev.in
# The same versions as above, for the image's Python alone.
lock 3.13 image.txt requirements/image.in --constraints requirements/lock.txt
lock 3.10 uv.txt requirements/uv.in

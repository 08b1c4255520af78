"""Draws files of every kind and compares readers: ``make fuzz``, with a new seed each time, ARGS="--seed S" for one."""

import argparse
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main() -> int:
    """Exit code 1 where readers differ."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--files", type=int, default=10_000, help="of all kinds together")
    parser.add_argument("--only", type=int, help="the number of a single file")
    asked = parser.parse_args()
    # Imported here, since it takes seconds.
    from differ import SHARES, differences

    print(f"seed {asked.seed}: {asked.files} files", flush=True)
    kinds, started = [kind for kind, share in SHARES.items() for _ in range(share)], time.monotonic()
    numbers = range(asked.files) if asked.only is None else [asked.only]
    with tempfile.TemporaryDirectory() as folder:
        for number in numbers:
            kind = kinds[number % len(kinds)]
            found = differences(kind, f"{asked.seed}-{number}", Path(folder))
            if found:
                print(*found, sep="\n")
                print(f'{kind} differs; again: make fuzz ARGS="--seed {asked.seed} --only {number}"')
                return 1
    print(f"no row differs ({time.monotonic() - started:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())

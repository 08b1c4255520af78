"""The former name of ``python -m pipeline.review draw``."""

import sys
from runpy import run_module

if __name__ == "__main__":
    sys.argv.insert(1, "draw")
    run_module("pipeline.review", run_name="__main__", alter_sys=True)

"""The former name of ``python -m pipeline.review``."""

from runpy import run_module

if __name__ == "__main__":
    run_module("pipeline.review", run_name="__main__", alter_sys=True)

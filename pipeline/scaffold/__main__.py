"""Draft a workload from a table: ``python -m pipeline.scaffold customers.csv --label churned``."""

from pipeline.run.streams import run_main
from pipeline.scaffold.command import main

if __name__ == "__main__":
    run_main(main)

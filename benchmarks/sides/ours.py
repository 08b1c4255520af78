"""Our side of a comparison: ``python -m benchmarks.sides.ours CASE ROWS ROOT``.

A workload runs as by ``local_runner.py``, with the report, which the stock side does not have. The taxi rows run
through the stock graph with our components and our runner.
"""

import sys
from pathlib import Path

from benchmarks.cases import TAXI, Case, overrides_of, parse_side
from components.compat.tfx import startup
from pipeline.run.local.runner import run
from pipeline.run.request import Request


def run_workload(case: Case, rows: Path, root: Path) -> int:
    """Run the shipped graph once; the folder ``root`` is named after the pipeline."""
    return run(Request(config=case.name, overrides=overrides_of(case, rows), cache=False, root=root.parent))


def main() -> int:
    """Run the graph once."""
    case, rows, root = parse_side()
    root.mkdir(parents=True, exist_ok=True)
    if case.name != TAXI:
        return run_workload(case, rows, root)
    startup.prepare_process()
    # Imported late, after prepare_process, as in a real run.
    from benchmarks.sides.taxi import run_taxi

    return run_taxi(rows, root)


if __name__ == "__main__":
    sys.exit(main())

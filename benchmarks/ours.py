"""Our side of a comparison: ``python -m benchmarks.ours CASE ROWS ROOT``.

A workload runs as ``local_runner.py`` runs it, report included, which the peer does not have. The taxi rows get the
peer's table with our components, and our runner.
"""

import sys
from pathlib import Path

from benchmarks.cases import TAXI, Case, overrides_of, parse_side
from components.support import lean
from pipeline.run.request import Request
from pipeline.run.runner import run


def run_workload(case: Case, rows: Path, root: Path) -> int:
    """A whole run of the shipped graph; the root is named after the pipeline."""
    return run(Request(config=case.name, overrides=overrides_of(case, rows), cache=False, root=root.parent))


def main() -> int:
    """Runs the graph."""
    case, rows, root = parse_side()
    root.mkdir(parents=True, exist_ok=True)
    if case.name != TAXI:
        return run_workload(case, rows, root)
    lean.begin()
    # Imported late, once the start is a lean one, as it is in a workload's run.
    from benchmarks.taxi import run_taxi

    return run_taxi(rows, root)


if __name__ == "__main__":
    sys.exit(main())

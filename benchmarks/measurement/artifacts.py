"""Print the rows by split and the overall metrics of a run as JSON.

``python -m benchmarks.measurement.artifacts ROOT``
"""

import json
import sys
from pathlib import Path

from components.evaluation.results import read_evaluation
from pipeline.training.input.split_rows import count_records

# Shares and means, which vary a little from training to training; counts of rows must be equal.
COMPARED = ("auc", "auc_precision_recall", "binary_accuracy", "binary_crossentropy", "mean_prediction")


def rows_by_split(artifacts: Path) -> dict[str, int]:
    """Count the examples that ExampleGen wrote."""
    (examples,) = (artifacts / "ExampleGen" / "examples").iterdir()
    return {folder.name.removeprefix("Split-"): count_records([f"{folder}/*"]) for folder in examples.glob("Split-*")}


def overall_metrics(artifacts: Path) -> dict[str, float]:
    """Read the metrics of all test rows together."""
    (evaluation,) = (artifacts / "Evaluator" / "evaluation").iterdir()
    metrics = read_evaluation(str(evaluation)).candidate[()]
    return {name: metrics[name].value for name in COMPARED if name in metrics}


def main() -> int:
    """Print one JSON object."""
    artifacts = Path(sys.argv[1]) / "artifacts"
    print(json.dumps({"rows": dict(sorted(rows_by_split(artifacts).items())), "metrics": overall_metrics(artifacts)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

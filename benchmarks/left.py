"""What a run left, as JSON: rows by split, metrics of all rows. ``python -m benchmarks.left ROOT``."""

import json
import sys
from pathlib import Path

from components.slice_report.evaluation import read_evaluation
from pipeline.training.inputs import count_records

# Those that are shares or means; a count of rows has no noise of training.
COMPARED = ("auc", "auc_precision_recall", "binary_accuracy", "binary_crossentropy", "mean_prediction")


def rows_by_split(artifacts: Path) -> dict[str, int]:
    """Examples that ExampleGen wrote."""
    (examples,) = (artifacts / "ExampleGen" / "examples").iterdir()
    return {folder.name.removeprefix("Split-"): count_records([f"{folder}/*"]) for folder in examples.glob("Split-*")}


def overall_metrics(artifacts: Path) -> dict[str, float]:
    """The metrics of all rows of the evaluation."""
    (evaluation,) = (artifacts / "Evaluator" / "evaluation").iterdir()
    metrics = read_evaluation(str(evaluation)).candidate[()]
    return {name: metrics[name].value for name in COMPARED if name in metrics}


def main() -> int:
    """Prints one JSON object."""
    artifacts = Path(sys.argv[1]) / "artifacts"
    print(json.dumps({"rows": dict(sorted(rows_by_split(artifacts).items())), "metrics": overall_metrics(artifacts)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

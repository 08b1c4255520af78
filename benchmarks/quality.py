"""Measure the quality of the shipped models over three seeds: ``python -m benchmarks.quality``.

Every metric is computed twice: by Evaluator, and by scikit-learn on the predictions that Evaluator wrote.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from benchmarks.measurement.report import write_section
from pipeline.run.local.runner import run
from pipeline.run.request import Request

HISTORY = (
    "user_prior_events", "user_prior_mean_rating", "user_prior_like_rate", "item_prior_events",
    "item_prior_mean_rating", "item_prior_like_rate", "user_genre_prior_mean_rating", "days_since_first_event",
)  # fmt: skip
WITHOUT_HISTORY = f"training.exclude_columns=[{', '.join(HISTORY)}]"


@dataclass(frozen=True)
class Setting:
    """One row of the table: a config with overrides, and published results on the same data."""

    name: str
    config: str
    label: str
    overrides: tuple[str, ...]
    seed_key: tuple[str, ...]
    reference: str


SETTINGS = (
    Setting("random 8:1:1, without history", "recommender-random", "liked", (WITHOUT_HISTORY,),
            ("data.seed", "training.seed"), "Wide&Deep 0.7819 / 0.5703, DCN 0.7893"),
    Setting("random 8:1:1, with history", "recommender-random", "liked", (),
            ("data.seed", "training.seed"), "the same"),
    Setting("time split, without history", "recommender", "liked", (WITHOUT_HISTORY,),
            ("training.seed",), "Wide&Deep 0.7061 / 0.6289"),
    Setting("time split, with history", "recommender", "liked", (), ("training.seed",), "the same"),
    Setting("census, official test split", "census", "over_50k", (),
            ("data.seed", "training.seed"), "linear 0.9052, boosting 0.9271"),
)  # fmt: skip


@dataclass(frozen=True)
class SeedResult:
    """One run: metrics by Evaluator, and by scikit-learn from the same predictions."""

    setting: str
    seed: int
    auc: float
    auc_sklearn: float
    log_loss: float
    log_loss_sklearn: float
    accuracy_sklearn: float
    train_s: float


def measure(setting: Setting, seed: int, root: Path) -> SeedResult:
    """Run the pipeline, and read its metrics and predictions."""
    from components.evaluation.predictions import read_predictions
    from components.evaluation.results import read_evaluation

    seeds = tuple(f"{key}={seed}" for key in setting.seed_key)
    request = Request(config=setting.config, overrides=(*setting.overrides, *seeds), root=root)
    run(request)
    facts = latest_facts(root / setting.config)
    rows = read_predictions(facts["evaluation"])
    labels, scores = rows.column(setting.label).to_numpy(), rows.column("score").to_numpy()
    metrics = read_evaluation(facts["evaluation"]).candidate[()]
    return SeedResult(
        setting=setting.name,
        seed=seed,
        auc=metrics["auc"].value,
        auc_sklearn=float(roc_auc_score(labels, scores)),
        log_loss=metrics["binary_crossentropy"].value,
        log_loss_sklearn=float(log_loss(labels, scores)),
        accuracy_sklearn=float(accuracy_score(labels, scores > 0.5)),
        train_s=next(node["elapsed_s"] for node in facts["nodes"] if node["node"] == "Trainer"),
    )


def latest_facts(root: Path) -> dict[str, Any]:
    return dict(json.loads((max((root / "history").iterdir()) / "summary.json").read_text(encoding="utf-8")))


def table(measured: list[SeedResult]) -> Iterator[str]:
    """Format the means over seeds as a Markdown table."""
    yield "| setting | AUC | log loss | accuracy | AUC by seed | largest difference to scikit-learn | reference |"
    yield "|---|---|---|---|---|---|---|"
    for setting in SETTINGS:
        runs = [one for one in measured if one.setting == setting.name]
        if runs:
            auc, loss = statistics.mean(one.auc for one in runs), statistics.mean(one.log_loss for one in runs)
            accuracy = statistics.mean(one.accuracy_sklearn for one in runs)
            seeds = ", ".join(f"{one.auc:.4f}" for one in runs)
            gap = max(abs(one.auc - one.auc_sklearn) for one in runs)
            yield (f"| {setting.name} | {auc:.4f} | {loss:.4f} | {accuracy:.4f} | {seeds} | {gap:.1e} "
                   f"| {setting.reference} |")  # fmt: skip


def main() -> int:
    """Measure, print the table, and write the JSON file and the section of results.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="part of a setting's name")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--root", type=Path, default=Path("runs/quality"))
    parser.add_argument("--json", type=Path, default=Path("runs/quality/quality.json"))
    options = parser.parse_args()
    chosen = [setting for setting in SETTINGS if options.only in setting.name]
    measured = [measure(setting, seed, options.root) for setting in chosen for seed in range(options.seeds)]
    options.json.write_text(json.dumps([asdict(one) for one in measured], indent=1) + "\n", encoding="utf-8")
    lines = list(table(measured))
    print("\n".join(lines))
    if not options.only:
        write_section("Quality", lines, "`python -m benchmarks.quality`, means of three seeds, test split")
    return 0 if all(abs(one.auc - one.auc_sklearn) < 1e-3 for one in measured) else 1


if __name__ == "__main__":
    sys.exit(main())

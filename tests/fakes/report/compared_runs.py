"""Runs on disk, as far as a comparison reads them: config, report, and predictions of random rows."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from fakes import report_pages

from components.artifacts.report_files import REPORT
from components.evaluation.columns import labels, scores
from components.evaluation.influence import standard_error
from components.evaluation.metrics import Metric, groups_of, make_rows
from components.evaluation.predictions import list_scored, part_path, write_part
from components.evaluation.ranked.within_groups import RANKED
from components.evaluation.tasks.registry import FORMULAS, METRICS, scale_of
from components.evaluation.units import independent, units_of
from components.evaluation.verdict import Measurement, Verdict, measure
from components.slice_report import facts as f
from components.slice_report.analysis.by_slice.slices import rows_of_slices
from components.slice_report.facts.encoding import to_json

LABEL = "label"
SLICES: tuple = ((), (("sex", "Female"),), (("sex", "Male"),), (("city", "Oslo"),), (("city", "Łódź"),))
CONFIG = {"training.epochs": "3", "training.learning_rate": "0.001", "training.seed": "0"}


def rows(number: int = 800, seed: int = 5) -> pa.Table:
    """Return test rows, without scores."""
    return report_pages.make_rows(number, seed).drop(["score"])


def score(table: pa.Table, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """Return scores for rows: those of a model that knows the label a little, with more or less noise."""
    generator = np.random.default_rng(3)
    known = table[LABEL].to_numpy() + generator.normal(0.0, 1.0, table.num_rows)
    luck = np.random.default_rng([seed, 7]).normal(0.0, 1.0, table.num_rows)
    return (1 / (1 + np.exp(-(known - 1 + noise * luck)))).astype(np.float32)


def write_run(
    root: Path,
    name: str,
    table: pa.Table,
    scored: np.ndarray,
    config: Mapping[str, str] = CONFIG,
    slices: Sequence[tuple] = SLICES,
    cluster_by: tuple[str, ...] = (),
    rank_by: tuple[str, ...] = (),
    rank_at: int = 10,
    **changes: object,
) -> Path:
    """Write a run of the pipeline in ``root``, and return the folder of its history; ``changes`` are of its report."""
    history = root / "history" / name
    history.mkdir(parents=True)
    (history / "config.yaml").write_text(f"name: {root.name}\n", encoding="utf-8")
    evaluation = root / "artifacts" / "Evaluator" / "evaluation" / name
    whole = table.append_column("score", pa.array(scored))
    write_part(part_path(str(evaluation), 0), [whole], whole.schema)
    list_scored(str(evaluation))
    report = make_report(root.name, name, whole, str(evaluation), config, slices, cluster_by, rank_by, rank_at)
    folder = root / "reports" / name
    folder.mkdir(parents=True)
    (folder / REPORT).write_bytes(to_json(replace(report, **changes)))
    return history


def make_report(
    pipeline: str,
    run: str,
    whole: pa.Table,
    evaluation: str,
    config: Mapping[str, str],
    slices: Sequence[tuple],
    cluster_by: tuple[str, ...],
    rank_by: tuple[str, ...],
    rank_at: int,
) -> f.Report:
    """Return the report on scored rows."""
    lineage = replace(
        report_pages.make_lineage(),
        config=tuple(config.items()),
        artifacts=(f.ArtifactFact(3, "ModelEvaluation", "Evaluator", "evaluation", evaluation),),
    )
    return f.Report(
        f.SCHEMA_VERSION,
        f.Run(pipeline, run, "demo", LABEL),
        (),
        0.5,
        "auc",
        verdict=Verdict(True, whole.num_rows, ()),
        slices=make_slices(whole, slices, cluster_by, rank_by, rank_at),
        lineage=lineage,
        areas="exact",
        cluster_by=cluster_by,
        ranked=f.RankedGroups(rank_by, rank_at, 4, 4, 4) if rank_by else None,
    )


def make_slices(
    whole: pa.Table, keys: Sequence[tuple], cluster_by: tuple[str, ...], rank_by: tuple[str, ...], rank_at: int
) -> tuple[f.Slice, ...]:
    """Return the metrics of some slices, as Evaluator has them."""
    metrics = [Metric(kind, group_by=rank_by, top=rank_at) for kind in FORMULAS if rank_by or kind not in RANKED]
    units = units_of(whole, cluster_by) if cluster_by else independent(whole.num_rows)
    groups = groups_of(whole, metrics, units)
    every = make_rows(labels(whole, LABEL), scores(whole, "score"), metrics, units, groups)
    index = dict(rows_of_slices(keys, whole))
    return tuple(as_slice(key, every.take(index[key]), metrics, whole.num_rows) for key in keys)


def as_slice(key: tuple, of_slice, metrics: Sequence[Metric], total: int) -> f.Slice:
    """Return the metrics of the rows of a slice."""
    found: dict[str, Measurement] = {}
    for metric in metrics:
        made, name = FORMULAS[metric.kind](of_slice, metric), METRICS[metric.kind]
        found[name] = measure(made.value, standard_error(made, of_slice.units), scale_of(name))
    number = len(of_slice.label)
    return f.Slice(key, number, number / total, found)

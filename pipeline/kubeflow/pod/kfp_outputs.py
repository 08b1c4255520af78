"""The artifacts on the page of a run in Kubeflow Pipelines: the verdict, the slices, the report.

https://www.kubeflow.org/docs/components/pipelines/user-guides/data-handling/artifacts/
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path

from components.evaluation.results import Evaluation, read_evaluation
from components.evaluation.tasks.registry import SIDES
from components.evaluation.verdict import Measurement, Verdict
from components.slice_report.page.markdown import code, escaped, fenced, table
from components.support.atomic_files import write_whole
from pipeline.config.root import Config
from pipeline.criteria import SliceKey
from pipeline.nodes import EVALUATOR
from pipeline.run.summary.results import RunState, judge
from pipeline.run.summary.summary import Summary, check_row

# The report has all of them.
MAX_SLICES = 30


def write_evaluation(config: Config, state: RunState, markdown: Path, metrics: Path, executor_output: Path) -> None:
    """Write verdict and slices as Markdown, and the metrics of all test rows as metadata of an artifact."""
    verdict = judge(state, config)
    folder = next(output.uri for output in state.outputs[EVALUATOR] if output.key == "evaluation")
    evaluation = read_evaluation(folder)
    text = verdict_text(verdict) + "\n" + slice_table(evaluation) if verdict else ""
    write_whole(markdown, text.encode("utf-8"))
    values = finite(evaluation.candidate.get((), {}))
    write_whole(metrics, json.dumps(values).encode("utf-8"))
    described = {"artifacts": {"metrics": {"artifacts": [{"metadata": values}]}}}
    write_whole(executor_output, json.dumps(described).encode("utf-8"))


def summary_text(summary: Summary) -> str:
    """A summary as Markdown: the status, every bound, every node, the paths of report and model."""
    title = f"# {escaped(summary.pipeline)}: {escaped(summary.status)}"
    lines = [title, "", f"Run {code(summary.run)}, {summary.elapsed_s:.0f} s.", ""]
    if summary.error:
        lines += [*fenced(summary.error), ""]
    if summary.verdict:
        lines += [verdict_text(summary.verdict)]
    rows = [(node.node, node.state, f"{node.elapsed_s:.1f} s", node.rows()) for node in summary.nodes]
    lines += [table(("node", "state", "time", "rows in → out"), rows)]
    paths = {"report": summary.report, "model": summary.model}
    lines += [f"- {name}: {code(path)}" for name, path in paths.items() if path]
    return "\n".join(lines) + "\n"


def verdict_text(verdict: Verdict) -> str:
    """The verdict and every bound."""
    word = "Blessed" if verdict.blessed else "Not blessed"
    rows = [check_row(check) for check in verdict.checks]
    return f"**{word}** on {verdict.rows:,} test rows.\n\n" + table(
        ("metric", "slice", "value", "95 % interval", "bound", ""), rows
    )


def slice_table(evaluation: Evaluation) -> str:
    """The metrics of all rows, then of the largest slices."""
    names = [name for name in SIDES if name in evaluation.candidate.get((), {})]
    found = sorted(evaluation.candidate.items(), key=lambda item: (bool(item[0]), -count_of(item[1])))
    rows = [(slice_name(key), f"{count_of(of):,}", *(number(of.get(name)) for name in names)) for key, of in found]
    left_out = f"\n{len(rows) - MAX_SLICES} more slices are in the report.\n" if len(rows) > MAX_SLICES else ""
    return table(("slice", "rows", *names), rows[:MAX_SLICES]) + left_out


def slice_name(key: SliceKey) -> str:
    """The text of a slice.

    >>> slice_name((("sex", "Female"),)), slice_name(())
    ('sex=Female', 'all rows')
    """
    return ", ".join(f"{feature}={value}" for feature, value in key) or "all rows"


def count_of(metrics: Mapping[str, Measurement]) -> int:
    """The number of rows of a slice."""
    return int(metrics["example_count"].value) if "example_count" in metrics else 0


def number(measured: Measurement | None) -> str:
    """A value as text for a table."""
    if measured is None:
        return "–"
    return "undefined" if math.isnan(measured.value) else f"{measured.value:.4f}"


def finite(metrics: Mapping[str, Measurement]) -> dict[str, float]:
    """The finite values, which JSON can represent."""
    return {name: measured.value for name, measured in metrics.items() if math.isfinite(measured.value)}

"""The pages of reports with their status, from ML Metadata and the served folder."""

from collections.abc import Sequence
from pathlib import Path

import ml_metadata as mlmd

from components.artifacts.record.facts import pipeline_record
from components.artifacts.record.standing import now, standing_of
from components.artifacts.report_files import REPORT, digest
from components.slice_report.facts.encoding import from_json
from components.slice_report.output import export_decision, write_page


def draw_recorded(store: mlmd.MetadataStore, pipeline: str, root: Path, folders: Sequence[Path]) -> list[str]:
    """Draw the pages of reports with their status, and export the decisions on them.

    Returns what was wrong with exports that were there, as sentences.

    Raises:
        DataError: a report cannot be read.
    """
    record, moment, wrong = pipeline_record(store, pipeline, root), now(), []
    for folder in folders:
        content = (folder / REPORT).read_bytes()
        standing = standing_of(store, record, content, root, moment)
        wrong.append(export_decision(folder, standing.decision))
        write_page(from_json(content, str(folder / REPORT)), digest(content), str(folder), standing)
    return [sentence for sentence in wrong if sentence]

"""The rows that went into a node and came out, as its artifacts tell them, and whether they agree.

Examples of ours have a record of their rows by the component that wrote them. Other examples are counted.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from components.artifacts.statistics_files import read_statistics
from components.evaluation.predictions import Predictions
from components.examples import FILE_ROWS, SOURCE_ROWS
from components.examples.file_rows import recorded_rows
from components.examples.listing import FILES, files_of
from pipeline.errors import MainlineError
from pipeline.run.artifacts import Output
from pipeline.training.input.split_rows import count_records

Counts = dict[str, int]


def rows_out(outputs: Sequence[Output]) -> Counts | None:
    """Rows by split in the outputs of a node; None for a node without rows."""
    for output in outputs:
        match output.type:
            case "Examples":
                return count_examples(output)
            case "ExampleStatistics":
                statistics = read_statistics(output.split_folders())
                return {split: int(found.num_examples) for split, found in statistics.items()}
            case "ModelEvaluation":
                return {"test": count_predictions(Path(output.uri))}
    return None


def source_rows(outputs: Sequence[Output]) -> Counts | None:
    """Rows in the files that ExampleGen read, counted independently of its readers, and the rows that it set aside."""
    for output in outputs:
        if output.type == "Examples" and (found := output.properties.get(SOURCE_ROWS)):
            splits = json.loads(found).values()
            return {of: sum(split[of] for split in splits) for of in ("source", "aside")}
    return None


def count_examples(examples: Output) -> Counts:
    """The rows of each split as they were recorded by what wrote them, or counted if nothing was.

    Raises:
        DataError: a file is gone, or is another one.
    """
    files = files_of(examples.split_folders(), str(examples.properties.get(FILES, "")))
    recorded = recorded_rows(examples.split_folders(), str(examples.properties.get(FILE_ROWS, "")))
    if recorded is None:
        return {split: count_records(paths) for split, paths in files.items()}
    return {split: sum(recorded[split][path] for path in paths) for split, paths in files.items()}


def count_predictions(folder: Path) -> int:
    """The number of rows that were scored."""
    return Predictions(str(folder)).num_rows


def check_source(node: str, source: Counts | None, found: Counts) -> None:
    """Check that the artifact has all rows of the files but those that were set aside.

    Raises:
        MainlineError: rows were lost or duplicated.
    """
    if source is not None:
        check_rows(node, {"all": source["source"] - source["aside"]}, {"all": sum(found.values())})


def check_rows(node: str, expected: Counts, found: Counts) -> None:
    """Check that every split that a node wrote has as many rows as came in.

    Raises:
        MainlineError: rows were lost or duplicated.
    """
    wrong = {split: count for split, count in found.items() if split in expected and expected[split] != count}
    if wrong:
        raise MainlineError(
            node, "the number of rows out is not the number of rows in",
            expected=", ".join(f"{split} {expected[split]:,}" for split in wrong),
            received=", ".join(f"{split} {count:,}" for split, count in wrong.items()),
            next_step="Look for workers that died in the log, and run again with --no-cache.",
        )  # fmt: skip

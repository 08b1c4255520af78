"""Count the rows that went into a node and came out, from its artifacts, and compare them."""

import json
from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf
from tensorflow_metadata.proto.v0 import statistics_pb2

from components.evaluation.predictions import Predictions
from components.examples import SOURCE_ROWS
from components.examples.listing import FILES, files_of
from pipeline.errors import MainlineError
from pipeline.run.artifacts import Output
from pipeline.training.input.batches import count_records

Counts = dict[str, int]


def rows_out(outputs: Sequence[Output]) -> Counts | None:
    """Rows by split in the outputs of a node; None for a node without rows."""
    for output in outputs:
        match output.type:
            case "Examples":
                files = files_of(output.split_folders(), str(output.properties.get(FILES, "")))
                return {split: count_records(paths) for split, paths in files.items()}
            case "ExampleStatistics":
                return {split: count_in_statistics(folder) for split, folder in output.split_folders().items()}
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


def count_in_statistics(folder: str) -> int:
    """The number of examples that TFDV has counted."""
    with tf.io.gfile.GFile(f"{folder}/FeatureStats.pb", "rb") as file:
        statistics = statistics_pb2.DatasetFeatureStatisticsList.FromString(file.read())
    return sum(dataset.num_examples for dataset in statistics.datasets)


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

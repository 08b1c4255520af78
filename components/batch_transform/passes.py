"""Passes over files of examples as Beam pipelines: each file yields labelled results, which are merged by label."""

import functools
import os
import pickle
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tfx.dsl.io import fileio

from components.batch_transform.plan import Analysis
from components.compat.tft import SavedModelLoader, analyzer_nodes
from components.examples.reading import serialized_batches
from components.support.prefetch import prefetch
from components.support.remote_files import write_whole
from pipeline.errors import MainlineError

# The label of the number of rows read from each file.
READ = "rows read"
LOADING = threading.Lock()
Columns = Mapping[str, Any]
Labelled = tuple[str, Any]
Rows = dict[str, int]
MakePipeline = Callable[[], beam.Pipeline]


@dataclass(frozen=True)
class InputFile:
    """A file of examples.

    Attributes:
        path: of the file.
        number: its position in the split.
        folder: for its transformed rows.
    """

    path: str
    number: int = 0
    folder: str = ""


@dataclass(frozen=True)
class TransformGraph:
    """A SavedModel of a preprocessing_fn, and the feature spec of its raw columns (tf.io.parse_example)."""

    folder: str
    columns: Columns

    def apply(self, serialized: tf.Tensor) -> Columns:
        """Apply the graph to serialized tf.Examples, (batch,), and return its outputs, each (batch, any)."""
        parsed = tf.io.parse_example(serialized, dict(self.columns))
        # Otherwise several threads would load it at the same time.
        with LOADING:
            function = load_graph(self.folder, tuple(sorted(self.columns)))
        return function(parsed)


@functools.lru_cache(maxsize=2)
def load_graph(folder: str, columns: tuple[str, ...]) -> Callable[[Columns], Columns]:
    """Load the function of a SavedModel that takes some raw columns; cached for each process."""
    loader = SavedModelLoader(folder)
    loader.finalize(columns, loader.structured_outputs.keys())
    return loader.apply_transform_model


class RowsByFile(analyzer_nodes.Combiner):
    """Adds up rows by the path of their file."""

    def create_accumulator(self) -> dict[str, int]:
        """Return counts of no files."""
        return {}

    def merge_accumulators(self, accumulators: Iterable[dict[str, int]]) -> dict[str, int]:
        """Add up the rows of each file; a file that was read twice has twice its rows."""
        whole: dict[str, int] = {}
        for path, rows in (pair for accumulator in accumulators for pair in accumulator.items()):
            whole[path] = whole.get(path, 0) + rows
        return whole

    def extract_output(self, accumulator: dict[str, int]) -> dict[str, int]:
        """Return the rows by path."""
        return accumulator


class AnalyzeFile(beam.DoFn):
    """Accumulates the rows of a file for each analysis."""

    def __init__(self, graph: TransformGraph, analyses: Sequence[Analysis]) -> None:
        self.graph = graph
        self.analyses = analyses

    def process(self, file: InputFile) -> Iterator[Labelled]:
        """Yield labelled accumulators; memory holds a few batches of the file."""
        rows = 0
        accumulators = [analysis.combiner.create_accumulator() for analysis in self.analyses]
        for read, values in prefetch(self.values, serialized_batches(file.path)):
            rows += read
            accumulators = [
                analysis.combiner.add_input(accumulator, tuple(values[name] for name in analysis.tensors))
                for analysis, accumulator in zip(self.analyses, accumulators, strict=True)
            ]
        yield READ, {file.path: rows}
        for analysis, accumulator in zip(self.analyses, accumulators, strict=True):
            yield analysis.label, analysis.combiner.compact(accumulator)

    def values(self, serialized: tf.Tensor) -> tuple[int, dict[str, NDArray[Any]]]:
        """Return the number of rows of a batch, and the tensors that the analyses read."""
        applied = self.graph.apply(serialized)
        return len(serialized), {name: np.asarray(tensor) for name, tensor in applied.items()}


class MergeFiles(beam.CombineFn):
    """Merges the results of files under one label, and computes its output."""

    def __init__(self, combiners: Mapping[str, analyzer_nodes.Combiner]) -> None:
        self.combiners = combiners

    def create_accumulator(self) -> Labelled | None:
        """Return None: the label is not known yet."""
        return None

    def add_input(self, whole: Labelled | None, part: Labelled) -> Labelled:
        label, _ = part
        empty = (label, self.combiners[label].create_accumulator())
        return self.merge_accumulators([whole or empty, part])

    def merge_accumulators(self, parts: Iterable[Labelled | None]) -> Labelled:
        labelled = [part for part in parts if part is not None]
        label = labelled[0][0]
        return label, self.combiners[label].merge_accumulators([accumulator for _, accumulator in labelled])

    def compact(self, whole: Labelled | None) -> Labelled | None:
        """Compact the accumulator before it is sent to another worker."""
        return whole and (whole[0], self.combiners[whole[0]].compact(whole[1]))

    def extract_output(self, whole: Labelled) -> Any:
        """Return the output of the label's combiner."""
        label, accumulator = whole
        return self.combiners[label].extract_output(accumulator)


class SaveOutput(beam.DoFn):
    """Writes the output of a label to a file named by the label's index."""

    def __init__(self, folder: str, labels: Sequence[str]) -> None:
        self.folder = folder
        self.labels = labels

    def process(self, labelled: Labelled) -> Iterator[str]:
        """Write the file atomically and yield its path."""
        label, value = labelled
        path = output_path(self.folder, self.labels.index(label))
        write_whole(path, pickle.dumps(value))
        yield path


def output_path(folder: str, index: int) -> str:
    """Return the path of a label's output."""
    return os.path.join(folder, f"{index}.pickle")


def run_pass(
    make_pipeline: MakePipeline,
    files: Sequence[InputFile],
    process: beam.DoFn,
    combiners: Mapping[str, analyzer_nodes.Combiner],
    folder: str,
) -> dict[str, Any]:
    """Run a pipeline on files and return the output of each label.

    Args:
        make_pipeline: returns a Beam pipeline.
        files: the files.
        process: yields labelled results for each file.
        combiners: by label.
        folder: for temporary files, through which the outputs pass.
    """
    fileio.makedirs(folder)
    labels = list(combiners)
    with make_pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(list(files))
            | beam.Reshuffle()
            | beam.ParDo(process)
            | beam.Map(lambda labelled: (labelled[0], labelled))
            | beam.CombinePerKey(MergeFiles(combiners))
            | beam.ParDo(SaveOutput(folder, labels))
        )
    return {label: read_output(output_path(folder, index)) for index, label in enumerate(labels)}


def read_output(path: str) -> Any:
    """Read a file that ``SaveOutput`` wrote."""
    with fileio.open(path, "rb") as file:
        return pickle.loads(file.read())


def analyze(
    make_pipeline: MakePipeline,
    files: Sequence[InputFile],
    graph: TransformGraph,
    analyses: Sequence[Analysis],
    folder: str,
) -> dict[str, Any]:
    """Run some analyses over files; return their outputs by label, and under ``READ`` the rows of each file."""
    combiners = {READ: RowsByFile(), **{analysis.label: analysis.combiner for analysis in analyses}}
    return run_pass(make_pipeline, files, AnalyzeFile(graph, analyses), combiners, folder)


def check_files(files: Sequence[InputFile], read: Rows) -> None:
    """Check that every file was read.

    Raises:
        MainlineError: a file was not read.
    """
    missing = {file.path for file in files} - read.keys()
    if missing:
        raise MainlineError(", ".join(sorted(missing)), "a file was not read", expected="each file once")


def check_rows(expected: Rows, found: Rows) -> None:
    """Check that two passes over files, or the input and output of one, have the same rows.

    Raises:
        MainlineError: the rows of a file differ.
    """
    wrong = sorted(path for path in expected.keys() & found.keys() if expected[path] != found[path])
    if wrong:
        raise MainlineError(
            ", ".join(wrong), "not every row was transformed once",
            expected=", ".join(f"{expected[path]:,} rows" for path in wrong),
            received=", ".join(f"{found[path]:,} rows" for path in wrong),
        )  # fmt: skip

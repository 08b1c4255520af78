"""Passes over the files of examples as Beam pipelines: what each file gives is put together by label."""

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

# The label of the rows that were read of each file.
READ = "rows read"
LOADING = threading.Lock()
Columns = Mapping[str, Any]
Labelled = tuple[str, Any]
Rows = dict[str, int]
MakePipeline = Callable[[], beam.Pipeline]


@dataclass(frozen=True)
class Work:
    """A file of examples; ``number`` is its place in its split, ``folder`` where its transformed rows go."""

    path: str
    number: int = 0
    folder: str = ""


@dataclass(frozen=True)
class Graph:
    """A SavedModel of a preprocessing_fn, and how the raw columns that it is fed are parsed (tf.io.parse_example)."""

    folder: str
    columns: Columns

    def apply(self, serialized: tf.Tensor) -> Columns:
        """Serialized tf.Examples (batch,) to what the graph gives, each (batch, any)."""
        parsed = tf.io.parse_example(serialized, dict(self.columns))
        # Threads that found it missing at once would each load it.
        with LOADING:
            function = loaded(self.folder, tuple(sorted(self.columns)))
        return function(parsed)


@functools.lru_cache(maxsize=2)
def loaded(folder: str, columns: tuple[str, ...]) -> Callable[[Columns], Columns]:
    """The function in a SavedModel, which takes some raw columns; loaded once a process."""
    loader = SavedModelLoader(folder)
    loader.finalize(columns, loader.structured_outputs.keys())
    return loader.apply_transform_model


class RowsByFile(analyzer_nodes.Combiner):
    """The rows of files by their paths."""

    def create_accumulator(self) -> dict[str, int]:
        """No file seen."""
        return {}

    def merge_accumulators(self, accumulators: Iterable[dict[str, int]]) -> dict[str, int]:
        """The files of all; one that was read twice has twice its rows."""
        whole: dict[str, int] = {}
        for path, rows in (pair for accumulator in accumulators for pair in accumulator.items()):
            whole[path] = whole.get(path, 0) + rows
        return whole

    def extract_output(self, accumulator: dict[str, int]) -> dict[str, int]:
        """The rows by path."""
        return accumulator


class AnalyzeFile(beam.DoFn):
    """A file to what its rows give to each analysis."""

    def __init__(self, graph: Graph, analyses: Sequence[Analysis]) -> None:
        self.graph = graph
        self.analyses = analyses

    def process(self, work: Work) -> Iterator[Labelled]:
        """Gives labelled accumulators; holds a few batches of the file at a time."""
        rows = 0
        accumulators = [analysis.combiner.create_accumulator() for analysis in self.analyses]
        for read, values in prefetch(self.values, serialized_batches(work.path)):
            rows += read
            accumulators = [
                analysis.combiner.add_input(accumulator, tuple(values[name] for name in analysis.tensors))
                for analysis, accumulator in zip(self.analyses, accumulators, strict=True)
            ]
        yield READ, {work.path: rows}
        for analysis, accumulator in zip(self.analyses, accumulators, strict=True):
            yield analysis.label, analysis.combiner.compact(accumulator)

    def values(self, serialized: tf.Tensor) -> tuple[int, dict[str, NDArray[Any]]]:
        """The rows of a batch, and what analyses read of them."""
        applied = self.graph.apply(serialized)
        return len(serialized), {name: np.asarray(tensor) for name, tensor in applied.items()}


class MergeFiles(beam.CombineFn):
    """What several files give under a label to what it makes."""

    def __init__(self, combiners: Mapping[str, analyzer_nodes.Combiner]) -> None:
        self.combiners = combiners

    def create_accumulator(self) -> Labelled | None:
        """Nothing, and no label yet."""
        return None

    def add_input(self, whole: Labelled | None, part: Labelled) -> Labelled:
        """Takes in what a file gives."""
        label, _ = part
        empty = (label, self.combiners[label].create_accumulator())
        return self.merge_accumulators([whole or empty, part])

    def merge_accumulators(self, parts: Iterable[Labelled | None]) -> Labelled:
        """All as one."""
        labelled = [part for part in parts if part is not None]
        label = labelled[0][0]
        return label, self.combiners[label].merge_accumulators([accumulator for _, accumulator in labelled])

    def compact(self, whole: Labelled | None) -> Labelled | None:
        """The same, smaller, before it travels."""
        return whole and (whole[0], self.combiners[whole[0]].compact(whole[1]))

    def extract_output(self, whole: Labelled) -> Any:
        """What the combiner of the label makes."""
        label, accumulator = whole
        return self.combiners[label].extract_output(accumulator)


class Keep(beam.DoFn):
    """What a label gives to a file, whose name is of its place among the labels."""

    def __init__(self, folder: str, labels: Sequence[str]) -> None:
        self.folder = folder
        self.labels = labels

    def process(self, labelled: Labelled) -> Iterator[str]:
        """Gives the path; the file gets its name when it is whole."""
        label, value = labelled
        path = kept_path(self.folder, self.labels.index(label))
        write_whole(path, pickle.dumps(value))
        yield path


def kept_path(folder: str, place: int) -> str:
    """Where what a label gives is kept."""
    return os.path.join(folder, f"{place}.pickle")


def run_pass(
    make_pipeline: MakePipeline,
    works: Sequence[Work],
    process: beam.DoFn,
    combiners: Mapping[str, analyzer_nodes.Combiner],
    folder: str,
) -> dict[str, Any]:
    """Runs a pipeline on files; gives what each label makes of all, which passes through files in a folder."""
    fileio.makedirs(folder)
    labels = list(combiners)
    with make_pipeline() as pipeline:
        _ = (
            pipeline
            | beam.Create(list(works))
            | beam.Reshuffle()
            | beam.ParDo(process)
            | beam.Map(lambda labelled: (labelled[0], labelled))
            | beam.CombinePerKey(MergeFiles(combiners))
            | beam.ParDo(Keep(folder, labels))
        )
    return {label: read_kept(kept_path(folder, place)) for place, label in enumerate(labels)}


def read_kept(path: str) -> Any:
    """What ``Keep`` wrote."""
    with fileio.open(path, "rb") as file:
        return pickle.loads(file.read())


def analyze(
    make_pipeline: MakePipeline, works: Sequence[Work], graph: Graph, analyses: Sequence[Analysis], folder: str
) -> dict[str, Any]:
    """What the analyses make of the rows of files, by label, and the rows of each file."""
    combiners = {READ: RowsByFile(), **{analysis.label: analysis.combiner for analysis in analyses}}
    return run_pass(make_pipeline, works, AnalyzeFile(graph, analyses), combiners, folder)


def check_files(works: Sequence[Work], read: Rows) -> None:
    """Whether every file was read.

    Raises:
        MainlineError: one was not.
    """
    missing = {work.path for work in works} - read.keys()
    if missing:
        raise MainlineError(", ".join(sorted(missing)), "a file was not read", expected="each file once")


def check_rows(expected: Rows, found: Rows) -> None:
    """Whether two passes over files, or both ends of one, have seen the same rows.

    Raises:
        MainlineError: it names the files whose rows differ.
    """
    wrong = sorted(path for path in expected.keys() & found.keys() if expected[path] != found[path])
    if wrong:
        raise MainlineError(
            ", ".join(wrong), "not every row was transformed once",
            expected=", ".join(f"{expected[path]:,} rows" for path in wrong),
            received=", ".join(f"{found[path]:,} rows" for path in wrong),
        )  # fmt: skip

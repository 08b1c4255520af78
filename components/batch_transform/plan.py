"""Plans the passes over the rows: which analyzers each pass computes, and what they read.

An analyzer of TensorFlow Transform is a small graph of operations (tensorflow_transform/analyzer_nodes.py): tensors are
accumulated over the rows, the accumulators are merged, and further operations compute the output.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from components.batch_transform.analysis import ACCUMULATED, FINISHED
from components.batch_transform.tracing import Traced
from components.compat.tft import analyzer_nodes, graph_tools, nodes


class UnknownAnalyzerError(Exception):
    """An unsupported analyzer; the message is its label."""


@dataclass(frozen=True)
class Analysis:
    """A combiner, and the tensors whose values it accumulates over the rows."""

    label: str
    combiner: analyzer_nodes.Combiner
    tensors: tuple[str, ...]


@dataclass(frozen=True)
class Phase:
    """A pass over the rows: its analyses, and the analyzers that are complete after it."""

    analyses: tuple[Analysis, ...]
    sinks: tuple[analyzer_nodes.TensorSink, ...]

    @property
    def tensors(self) -> tuple[str, ...]:
        """The names of all tensors that are read, without repetition."""
        return tuple(dict.fromkeys(name for analysis in self.analyses for name in analysis.tensors))


def phases(traced: Traced) -> tuple[Phase, ...]:
    """Plan the passes; each analyzer is in the first pass in which its inputs are available.

    Raises:
        UnknownAnalyzerError: an analyzer is not supported.
    """
    for operation in (operation for sink in traced.sinks for operation in operations(sink.future)):
        check_supported(operation)
    found: list[Phase] = []
    waiting = list(traced.sinks)
    while waiting:
        ready = ready_sinks(traced, waiting)
        names = {sink.tensor.name for sink in ready}
        waiting = [sink for sink in waiting if sink.tensor.name not in names]
        done = {analysis.label for phase in found for analysis in phase.analyses}
        new = {analysis.label: analysis for sink in ready for analysis in analyses(sink) if analysis.label not in done}
        found.append(Phase(tuple(new.values()), tuple(ready)))
    return tuple(found)


def operations(value: nodes.ValueNode) -> Iterator[nodes.OperationNode]:
    """Yield the operations behind a value, each as often as it is used."""
    yield value.parent_operation
    for before in value.parent_operation.inputs:
        yield from operations(before)


def check_supported(operation: nodes.OperationNode) -> None:
    """Check that an operation is supported.

    Raises:
        UnknownAnalyzerError: it is not.
    """
    made_of = operation.operation_def
    known = type(made_of) in FINISHED
    if type(made_of) in ACCUMULATED:
        known = ACCUMULATED[type(made_of)](made_of, len(source(operation).tensors)) is not None
    # With key_fn, a vocabulary must cover each of some keys.
    if not known or getattr(made_of, "key_fn", None) is not None:
        raise UnknownAnalyzerError(made_of.label)


def source(operation: nodes.OperationNode) -> analyzer_nodes.TensorSource:
    """Return the input tensors of an accumulating operation."""
    return operation.inputs[0].parent_operation.operation_def


def ready_sinks(traced: Traced, waiting: list[analyzer_nodes.TensorSink]) -> list[analyzer_nodes.TensorSink]:
    """Return the analyzers that depend on no waiting one, neither directly nor through a table made of its output."""
    names = {sink.tensor.name for sink in waiting}
    known = [(sink.tensor, sink.tensor.name not in names) for sink in traced.sinks]
    analyzer = graph_tools.InitializableGraphAnalyzer(
        traced.graph, traced.inputs, known, graph_tools.describe_path_as_analyzer_cache_hash
    )
    return [sink for sink in waiting if all(map(analyzer.ready_to_run, read_tensors(sink)))]


def read_tensors(sink: analyzer_nodes.TensorSink) -> list[object]:
    """Return the tensors that an analyzer reads."""
    found = (operation.operation_def for operation in operations(sink.future))
    return [tensor for one in found if isinstance(one, analyzer_nodes.TensorSource) for tensor in one.tensors]


def analyses(sink: analyzer_nodes.TensorSink) -> Iterator[Analysis]:
    """Yield the analyses behind the output of an analyzer."""
    for operation in operations(sink.future):
        made_of = operation.operation_def
        if type(made_of) in ACCUMULATED:
            tensors = source(operation).tensors
            combiner = ACCUMULATED[type(made_of)](made_of, len(tensors))
            yield Analysis(made_of.label, combiner, tuple(str(tensor.name) for tensor in tensors))

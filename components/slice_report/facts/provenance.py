"""Facts about how the model was made: its training, config, code, data and libraries."""

from collections.abc import Mapping
from dataclasses import dataclass

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Training:
    """The training of the model.

    ``curves`` holds each metric by epoch, those of the eval split prefixed ``val_``; ``best_epoch`` counts from 1.
    ``warnings`` describe problems with the model.
    """

    curves: Mapping[str, tuple[float, ...]]
    best_epoch: int
    steps: int
    steps_per_epoch: int
    examples_per_s: float
    elapsed_s: float
    strategy: str
    workers: int
    settings: Pairs
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArtifactFact:
    """An artifact in ML Metadata; ``producer`` is the node that wrote it."""

    id: int
    type: str
    producer: str
    output: str
    uri: str
    digest: str = ""


@dataclass(frozen=True)
class ConfigChange:
    """A config key whose value differs from the baseline's; the text is empty if the key is not set."""

    key: str
    before: str
    after: str


@dataclass(frozen=True)
class Lineage:
    """The origin of the model. ``edges`` are (artifact id, node that read it); pairs are (name, value).

    ``commit`` is that of the workload's code when the report was made, with ``+`` if tracked files were changed; empty
    if it was not in a Git checkout.
    """

    config: Pairs
    config_changes: tuple[ConfigChange, ...] | None
    sources: Pairs
    data: Pairs
    artifacts: tuple[ArtifactFact, ...]
    edges: tuple[tuple[int, str], ...]
    versions: Pairs
    model_digest: str
    signature_digest: str | None = None
    commit: str = ""

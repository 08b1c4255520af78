"""The inputs of the graph: a config with its workload and schema, checked against each other."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2

from components.data_validation.text_domains import allowed_texts
from components.support.atomic_files import claim
from pipeline.config.root import Config
from pipeline.errors import ConfigError
from pipeline.features.column_fit import check_columns
from pipeline.features.table import closed_columns
from pipeline.label import Label
from pipeline.settings.known_names import check_names
from pipeline.task.labels import gate_labels, resolve
from pipeline.workloads.contract import Workload, check_model_settings, load_workload, read_schema


@dataclass(frozen=True)
class GraphSettings:
    """The effective config with its workload and schema, checked against each other; and where a run reads and writes.

    ``rows`` is a folder with ``train/``, ``eval/`` and ``test/``, or with ``data.split_by`` the folder of the files
    themselves; ``label`` has its values from the schema.
    """

    config: Config
    workload: Workload
    schema: schema_pb2.Schema
    label: Label
    rows: Path
    root: Path

    @property
    def training(self) -> dict[str, Any]:
        """The section ``training`` without the backend, which does not change the model."""
        return self.config.training.model_dump(mode="json", exclude={"backend"})

    @property
    def labels(self) -> dict[str, Any]:
        """The label column and its values, for the gate."""
        return gate_labels(self.label)

    @property
    def domains(self) -> dict[str, list[str]]:
        """The values of the columns whose domain preprocessing needs: closed ones, and a label of texts."""
        of_label = {self.label.column: list(self.label.values)} if self.label.values else {}
        return domains(self.schema, closed_columns(self.workload.table.features)) | of_label

    @property
    def serving(self) -> Path:
        """The folder of the versions that are served."""
        return self.root / "serving"


def check_settings(config: Config, rows: Path, root: Path) -> GraphSettings:
    """Load the workload and the schema of a config, and check them against each other before any node runs.

    Raises:
        ConfigError: the workload is incomplete, or config, workload and schema do not fit together.
    """
    workload = load_workload(config.workload)
    check_model_settings(workload, config.training.model)
    schema = read_schema(workload)
    check_names(workload, config, schema)
    label = resolve(workload.table.target, schema)
    check_columns(workload.table, schema, workload.location.shown_schema)
    return GraphSettings(config, workload, schema, label, rows, root)


def domains(schema: schema_pb2.Schema, columns: tuple[str, ...]) -> dict[str, list[str]]:
    """The values that the schema allows in each of ``columns``.

    Raises:
        ConfigError: a column has no domain.
    """
    allowed = allowed_texts(schema)
    for column in columns:
        if column not in allowed:
            raise ConfigError(
                f"schemas, feature {column}", "no values in a domain, but the feature table calls it closed",
                expected='string_domain { value: "a" … }, or domain: "name" and below string_domain { name: "name" … }',
                next_step="Add the values to the schema, or leave out closed=True.",
            )  # fmt: skip
    return {column: list(allowed[column]) for column in columns}


def schema_copy(workload: Workload, root: Path) -> Path:
    """The path of the copy of the curated schema that a run reads, named by a digest of its content.

    ImportSchemaGen's cache key contains the path of the file and not its content, so an edit must change the path.
    """
    content = workload.schema.read_bytes()
    return root / "schemas" / f"{workload.name}-{hashlib.sha256(content).hexdigest()[:16]}.pbtxt"


def keep_schema(config: Config, root: Path) -> None:
    """Write the copy of the schema that the graph of a config reads when it runs."""
    workload = load_workload(config.workload)
    claim(schema_copy(workload, root), workload.schema.read_bytes())

"""Runs a search in a folder beside the artifacts, where a killed search can resume, and writes its results."""

import json
import shutil
from pathlib import Path
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.examples.file_rows import rows_by_path
from components.examples.listing import FILES
from components.examples.reading import split_files
from components.tuner import results
from components.tuner.search import Search, SearchSpec, winner
from components.tuner.settings import from_json
from pipeline.errors import MainlineError

Artifacts = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """Runs ``Search`` and writes what it found."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write the best hyperparameters and all trials.

        Raises:
            MainlineError: all trials failed.
        """
        spec = make_spec(input_dict, exec_properties)
        found, best = (
            artifact_utils.get_single_uri(output_dict[key]) for key in ("tuner_results", "best_hyperparameters")
        )
        folder = Path(found).parent.parent / "searches" / spec.key()
        trials = Search(spec, folder).run()
        try:
            leader = winner(trials)
        except MainlineError:
            shutil.rmtree(folder)
            raise
        results.write_results(found, spec.settings, trials, leader)
        results.write_best(best, leader)
        shutil.rmtree(folder)


def make_spec(input_dict: Artifacts, exec_properties: dict[str, Any]) -> SearchSpec:
    """Return the search for the inputs and properties of the component."""
    examples, schema = input_dict["examples"], artifact_utils.get_single_uri(input_dict["schema"])
    transform = artifact_utils.get_single_uri(input_dict["transform_graph"])
    return SearchSpec(
        run_fn=exec_properties["run_fn"],
        inputs={
            "train_files": split_files(examples, "train"),
            "eval_files": split_files(examples, "eval"),
            "schema_path": io_utils.get_only_uri_in_dir(schema),
            "schema_file": io_utils.get_only_uri_in_dir(schema),
            "transform_graph_path": transform,
            "transform_output": transform,
        },
        training=json.loads(exec_properties["training"]),
        source=exec_properties["source"],
        settings=from_json(exec_properties["settings"]),
        rows=rows_by_path(examples),
        listed=tuple(artifact.get_string_custom_property(FILES) for artifact in examples),
    )

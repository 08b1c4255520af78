"""Makes the report and writes its files."""

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components.artifacts.report_files import digest
from components.compat.tfx.executors import pipeline_id, run_id
from components.examples.listing import FILES
from components.slice_report import settings, trace
from components.slice_report.output import write_report
from components.slice_report.report import make_report
from components.slice_report.sources import Sources

Artifacts = dict[str, list[types.Artifact]]


class Executor(base_executor.BaseExecutor):
    """A thin shell over ``make_report``."""

    def Do(self, input_dict: Artifacts, output_dict: Artifacts, exec_properties: dict[str, Any]) -> None:
        """Write the report, and its digest into the artifact's properties."""
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing = artifact_utils.get_single_instance(input_dict["blessing"])
        blessed = blessing.get_int_custom_property("blessed") == 1
        sources = Sources(
            pipeline=pipeline_id(self),
            run=run_id(self),
            folders={
                key: artifact_utils.get_single_uri(artifacts) for key, artifacts in input_dict.items() if artifacts
            },
            listed=artifact_utils.get_single_instance(input_dict["examples"]).get_string_custom_property(FILES),
            blessed=blessed,
            trace=trace.from_json(exec_properties["trace"]),
        )
        report = make_report(sources, settings.from_json(exec_properties["settings"]))
        artifact = artifact_utils.get_single_instance(output_dict["report"])
        content = write_report(report, artifact.uri)
        artifact.set_string_custom_property("report_digest", digest(content))
        artifact.set_string_custom_property("pipeline", sources.pipeline)
        artifact.set_string_custom_property("run", sources.run)
        artifact.set_int_custom_property("blessed", int(blessed))
        artifact.set_int_custom_property("model_id", model.id)
        artifact.set_string_custom_property("model_digest", report.lineage.model_digest if report.lineage else "")

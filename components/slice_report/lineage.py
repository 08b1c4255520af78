"""The origin of the model: config, code, data, artifacts and libraries."""

import importlib.util
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from components.artifacts.code_commit import commit_of
from components.slice_report.facts import Lineage, Pairs, Report
from components.slice_report.settings import Settings, config_changes
from components.slice_report.trace import Trace

LIBRARIES = (
    "tfx", "tensorflow", "tensorflow-data-validation", "tensorflow-transform", "tensorflow-model-analysis",
    "apache-beam", "ml-metadata", "tf-keras", "numpy", "pyarrow",
)  # fmt: skip


def make_lineage(trace: Trace, settings: Settings, baseline: Report | None, model_digest: str) -> Lineage:
    """Return the lineage; ``baseline`` is the report on the model that is compared with."""
    before = baseline.lineage.config if baseline and baseline.lineage else None
    return Lineage(
        config=settings.config,
        config_changes=None if before is None else config_changes(dict(before), dict(settings.config)),
        sources=settings.sources,
        data=trace.data,
        artifacts=trace.artifacts,
        edges=trace.edges,
        versions=library_versions(),
        model_digest=model_digest,
        commit=commit_of(code_folder(settings.workload_package)),
    )


def code_folder(package: str) -> Path:
    """Return the folder of a package, or of this code if there is no such package."""
    found = importlib.util.find_spec(package) if package else None
    folders = list(found.submodule_search_locations or ()) if found else []
    return Path(folders[0]) if folders else Path(__file__).parent


def library_versions() -> Pairs:
    """Return the versions of Python and of the libraries that affect the model."""
    return (("python", platform.python_version()), *((name, installed(name)) for name in LIBRARIES))


def installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"

"""The ML Metadata stores that a reviewer's command reads."""

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import InputError, MainlineError

if TYPE_CHECKING:
    import ml_metadata as mlmd

    from pipeline.run.history import PipelineStore

    OpenStores = list[tuple[PipelineStore, mlmd.MetadataStore]]


def opened(root: Path, config: str | None) -> "OpenStores":
    """Open the stores of the pipelines that the user named.

    Raises:
        InputError: there are none.
    """
    from pipeline.run.history import find_stores

    found = [store for store in find_stores(root, config) if exists(store)]
    if not found:
        raise InputError(
            config or str(root), "its pipeline has not run here", received=str(root),
            next_step="Give the --root of the runs.",
        )  # fmt: skip
    return [(pipeline_store, open_store(pipeline_store)) for pipeline_store in found]


def open_store(pipeline_store: "PipelineStore") -> "mlmd.MetadataStore":
    """Open the store of a pipeline.

    Raises:
        MainlineError: it cannot be reached, or is not a store of ML Metadata.
    """
    import ml_metadata as mlmd

    try:
        return mlmd.MetadataStore(pipeline_store.connection)
    except RuntimeError as error:
        where = f"ML Metadata of {pipeline_store.pipeline}"
        raise MainlineError(where, "cannot be opened", received=reason(str(error))) from error


def store_of(folder: Path) -> "tuple[PipelineStore, mlmd.MetadataStore] | None":
    """Open the store of the pipeline that a report ``runs/<pipeline>/reports/<run>`` belongs to; None if there is none.

    Raises:
        MainlineError: it cannot be opened.
    """
    from pipeline.run.history import store_in

    place = folder.resolve()
    if place.parent.name != "reports":
        return None
    found = next((store for store in store_in(place.parents[1]) if exists(store)), None)
    return None if found is None else (found, open_store(found))


def reason(text: str) -> str:
    """Return the cause in an error of ML Metadata, without the query that failed.

    >>> reason("mlmd: Error when executing query: file is not a database query: PRAGMA foreign_keys = ON;")
    'mlmd: file is not a database'
    """
    return text.replace("Error when executing query: ", "").split(" query: ")[0]


def exists(pipeline_store: "PipelineStore") -> bool:
    """Return whether there is a store: opening a SQLite file that does not exist would create it."""
    if pipeline_store.connection.WhichOneof("config") != "sqlite":
        return True
    return Path(pipeline_store.connection.sqlite.filename_uri).is_file()

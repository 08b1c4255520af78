"""The number of rows of each file of an Examples artifact: recorded by what wrote it, compared by all that read it.

So nobody has to decompress the files once more only to count rows. Examples that stock components wrote have no record.
"""

import json
import os
from collections.abc import Mapping

from tfx import types

from components.examples import FILE_ROWS
from components.examples.listing import FILES, files_of, folders_of
from pipeline.errors import MainlineError

Rows = Mapping[str, int]


def record_rows(examples: types.Artifact, rows: Rows) -> None:
    """Record the rows of the files that an artifact lists, by path.

    Raises:
        MainlineError: a listed file was not written here, or one that was written is gone.
    """
    files = files_of(folders_of(examples), examples.get_string_custom_property(FILES))
    strange = sorted({path for paths in files.values() for path in paths} ^ rows.keys())
    if strange:
        raise MainlineError(
            ", ".join(strange), "the files in the folder are not those that were written",
            expected=f"{len(rows)} files", received=f"{sum(map(len, files.values()))} files",
            next_step="Look for another process that writes there, and run again with --no-cache.",
        )  # fmt: skip
    by_split = {split: {os.path.basename(path): rows[path] for path in paths} for split, paths in files.items()}
    examples.set_string_custom_property(FILE_ROWS, json.dumps(by_split))


def recorded_rows(folders: Mapping[str, str], record: str) -> dict[str, dict[str, int]] | None:
    """Return the rows of each file by split and path; None if ``record``, the property, is empty."""
    if not record:
        return None
    known = json.loads(record)
    return {
        split: {os.path.join(folder, name): rows for name, rows in known.get(split, {}).items()}
        for split, folder in folders.items()
    }


def rows_by_path(examples: list[types.Artifact]) -> dict[str, int]:
    """Return the rows of all files of which they are recorded."""
    recorded = (recorded_rows(folders_of(each), each.get_string_custom_property(FILE_ROWS)) for each in examples)
    return {path: rows for splits in recorded if splits for split in splits.values() for path, rows in split.items()}


def rows_by_split(examples: types.Artifact) -> dict[str, int]:
    """Return the rows of each split of an artifact if they are recorded."""
    recorded = recorded_rows(folders_of(examples), examples.get_string_custom_property(FILE_ROWS)) or {}
    return {split: sum(rows.values()) for split, rows in recorded.items()}


def check_rows_read(node: str, written: Rows, read: Rows) -> None:
    """Check that a node read as many rows as were written; what only one of both has is not compared.

    Args:
        node: its name, for the message.
        written: recorded rows, by file or by split.
        read: the rows that the node read, by the same.

    Raises:
        MainlineError: rows were lost or duplicated.
    """
    wrong = sorted(key for key in written.keys() & read.keys() if written[key] != read[key])
    if wrong:
        raise MainlineError(
            f"{node}, {', '.join(wrong)}", "rows were lost or duplicated since they were written",
            expected=", ".join(f"{written[key]:,} rows" for key in wrong),
            received=", ".join(f"{read[key]:,} rows" for key in wrong),
            next_step="Run again with --no-cache: the rows are then written anew.",
        )  # fmt: skip

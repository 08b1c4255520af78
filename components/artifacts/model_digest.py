"""The digest of a model's files, by which evaluation, review and push know the model."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from components.support.atomic_files import sha256_of

# Written last into a pushed version; not part of the digest.
MARKER = "READY.json"
# Custom property of a blessing: the digest of the evaluated model. Stock Evaluator does not set it.
JUDGED = "model_digest"


def content_digest(folder: Path) -> str:
    """Return the SHA-256 over names and contents of all files in a folder, without the marker."""
    digest = hashlib.sha256()
    for path in _files(folder):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode())
        digest.update(bytes.fromhex(sha256_of(path)))
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != MARKER)

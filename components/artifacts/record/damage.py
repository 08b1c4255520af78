"""Whether the files of a version are those that were pushed, by its marker and by ML Metadata's record of the push."""

from collections.abc import Sequence
from dataclasses import replace

from components.artifacts.model_digest import MARKER, content_digest
from components.artifacts.record.models import Push
from components.artifacts.served_versions import ServedVersion


def as_pushed(version: ServedVersion, pushes: Sequence[Push]) -> ServedVersion:
    """Return a version with the digest and the run of its push; those of its marker if no push is recorded."""
    push = push_of(version, pushes)
    return replace(version, digest=push.model_digest, run=push.run) if push else version


def damage(version: ServedVersion, pushes: Sequence[Push]) -> str:
    """Return what is wrong with a version as its marker describes it, as a clause; empty if it is what was pushed."""
    push, found = push_of(version, pushes), content_digest(version.folder)
    if not (version.folder / MARKER).is_file():
        return f"{MARKER} is missing"
    if not version.digest:
        return f"{MARKER} cannot be read"
    if version.digest != found:
        return f"its files have the digest {found}, and {MARKER} says {version.digest}"
    if push and push.model_digest != found:
        return f"its files have the digest {found}, and ML Metadata's record of the push says {push.model_digest}"
    return ""


def push_of(version: ServedVersion, pushes: Sequence[Push]) -> Push | None:
    """Return the latest push of a version's number whose model is known."""
    return next((push for push in reversed(pushes) if push.version == version.number and push.model_digest), None)

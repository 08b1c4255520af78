"""Reports as JSON: the file that is digested, approved and drawn."""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from components.slice_report.facts import SCHEMA_VERSION, Report
from pipeline.errors import DataError

ADAPTER = TypeAdapter(Report)


def to_json(report: Report) -> bytes:
    """Return UTF-8 JSON, the same bytes for equal facts; NaN, Infinity and -Infinity are texts."""
    plain = finite(dataclasses.asdict(report))
    return (json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n").encode("utf-8")


def finite(value: Any) -> Any:
    """Replace floats that JSON has no number for by texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    return [finite(item) for item in value] if isinstance(value, list | tuple) else value


def from_json(content: bytes, where: str) -> Report:
    """Read a report.

    Raises:
        DataError: not JSON, another version of the schema, or a fact that contradicts the schema.
    """
    try:
        plain = json.loads(content)
    except ValueError as error:
        raise DataError(where, "not JSON", received=str(error), next_step="Render the report again.") from error
    version = plain.get("schema_version") if isinstance(plain, dict) else None
    if version != SCHEMA_VERSION:
        raise DataError(
            where, "a report of another version", expected=str(SCHEMA_VERSION), received=str(version),
            next_step="Run the pipeline again, or read it with the release that wrote it.",
        )  # fmt: skip
    try:
        return ADAPTER.validate_python(plain)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{where}: {at}", "not a fact of a report", expected=first["msg"]) from error


def json_schema() -> str:
    """Return the JSON Schema of ``report.json`` (https://json-schema.org/draft/2020-12)."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **with_text_numbers(ADAPTER.json_schema())}
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def with_text_numbers(schema: Any) -> Any:
    """Allow the texts for values that are not finite wherever a number is allowed."""
    if isinstance(schema, Mapping):
        if schema.get("type") == "number":
            return {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
        return {key: with_text_numbers(value) for key, value in schema.items()}
    return [with_text_numbers(item) for item in schema] if isinstance(schema, list) else schema

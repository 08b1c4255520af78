"""What an exported model predicts: ``assets.extra/label.json`` beside its weights, unless the labels are 0 and 1."""

import json

import tensorflow as tf

from pipeline.label import Label, label_of
from pipeline.training.checkpoint import sealed_files

FILE = "label.json"


def write_label(folder: str, label: Label) -> None:
    """Write what clients and a later warm start need to know of a label; nothing if it is 0 and 1."""
    if not label.is_plain:
        with tf.io.gfile.GFile(f"{folder}/{FILE}", "wb") as file:
            file.write(json.dumps(label.as_data(), indent=1, ensure_ascii=False).encode("utf-8"))


def read_label(folder: str) -> Label | None:
    """Read the label of an exported model; None if its labels are 0 and 1."""
    if not tf.io.gfile.exists(f"{folder}/{FILE}"):
        return None
    return label_of(json.loads(sealed_files.read(f"{folder}/{FILE}")))


def other_meaning(label: Label, base: Label | None) -> str:
    """Return how the outputs of a base model differ in meaning from those for a label; empty if they do not."""
    values = base.values if base else ()
    if label.values == values:
        return ""
    here, there = (" and ".join(map(repr, of_model)) or "0 and 1" for of_model in (label.values, values))
    return f"another label: {here}, in the base model {there}"

"""YAML in which a key that stands twice in one mapping is an error, where PyYAML lets the last one win."""

from typing import Any

import yaml

MERGE = "tag:yaml.org,2002:merge"


class DoubledKeyError(yaml.YAMLError):
    """The message has the key and both lines."""


class UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML's safe loader with that rule.

    Keys that are one as text, such as ``1`` and ``"1"``, are one key. What ``<<`` brings in may be overridden, as YAML
    has it; a second ``<<`` in one mapping is a doubled key.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.seen: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Checks a mapping before anything is merged into it, which is done to a node more than once."""
        if id(node) not in self.seen:
            self.seen.add(id(node))
            self.check_keys(node)
        super().flatten_mapping(node)

    def check_keys(self, node: yaml.MappingNode) -> None:
        """Compares the keys of a mapping; those that are no scalars are not taken by PyYAML.

        Raises:
            DoubledKeyError: two are one.
        """
        lines: dict[str, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            key = "<<" if key_node.tag == MERGE else str(self.construct_object(key_node))
            line = key_node.start_mark.line + 1
            if key in lines:
                where = f"in line {line}" if lines[key] == line else f"in lines {lines[key]} and {line}"
                raise DoubledKeyError(f"the key {key!r} stands twice in one mapping, {where}")
            lines[key] = line

"""YAML loader and dumper for configs: duplicate keys are errors, and scalars follow YAML 1.2 where 1.1 surprises."""

import re
from typing import Any

import yaml

MERGE = "tag:yaml.org,2002:merge"
TIMESTAMP = "tag:yaml.org,2002:timestamp"
EXPONENT = re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$")


class DuplicateKeyError(yaml.YAMLError):
    """Two keys of one mapping are equal; the message names the key and both lines."""


class UniqueKeyLoader(yaml.SafeLoader):
    """PyYAML's safe loader, except that a duplicate key is an error; PyYAML lets the last one win.

    Keys are compared as text, so that ``1`` and ``"1"`` are equal. Keys merged in by ``<<`` may be overridden, as in
    YAML; a second ``<<`` in one mapping is a duplicate key.
    """

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.checked: set[int] = set()

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Check a mapping once, before anything is merged into it; PyYAML may flatten a node more than once."""
        if id(node) not in self.checked:
            self.checked.add(id(node))
            self.check_keys(node)
        super().flatten_mapping(node)

    def check_keys(self, node: yaml.MappingNode) -> None:
        """Compare the scalar keys of a mapping; PyYAML itself refuses any other.

        Raises:
            DuplicateKeyError: two keys are equal.
        """
        lines: dict[str, int] = {}
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            key = "<<" if key_node.tag == MERGE else str(self.construct_object(key_node))
            line = key_node.start_mark.line + 1
            if key in lines:
                where = f"on line {line}" if lines[key] == line else f"on lines {lines[key]} and {line}"
                raise DuplicateKeyError(f"duplicate key {key!r}, {where}")
            lines[key] = line


class Loader(UniqueKeyLoader):
    """Read 1e-3 as a number, for which YAML 1.1 wants 1.0e-3, and 2025-10-1 as text, which 1.1 turns into a date."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != TIMESTAMP]
    for first, resolvers in UniqueKeyLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:float", EXPONENT, list("-+.0123456789"))


class Dumper(yaml.SafeDumper):
    """Quote any text that ``Loader`` would read as something else, such as 7e2."""


Dumper.yaml_implicit_resolvers = Loader.yaml_implicit_resolvers

"""A config as text: all that decided a run, so that it loads again as it was."""

import yaml

from pipeline.config import Config, Loader


class Dumper(yaml.SafeDumper):
    """Puts into quotes what our loader would take for something else than a text, such as 7e2."""


Dumper.yaml_implicit_resolvers = Loader.yaml_implicit_resolvers


def dump_config(config: Config) -> str:
    """The YAML of a config, in ASCII: what lies in ``history/<run>/config.yaml``."""
    return yaml.dump(config.model_dump(mode="json"), Dumper=Dumper)

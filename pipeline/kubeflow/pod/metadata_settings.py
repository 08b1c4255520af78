"""ML Metadata as a pod finds it: settings from its environment."""

from collections.abc import Mapping

from pipeline.config.root import Metadata
from pipeline.errors import ConfigError

# Not MAINLINE_METADATA: Kubernetes itself sets MAINLINE_METADATA_PORT and the like, after the Service of that name.
VARIABLES = {name: f"MAINLINE_MLMD_{name.upper()}" for name in ("backend", "host", "port", "database", "user")}


def from_environment(settings: Metadata, environment: Mapping[str, str]) -> Metadata:
    """The settings with what the environment says over them, so that one package serves every cluster.

    Raises:
        ConfigError: a value that cannot be used.
    """
    given = {name: environment[variable] for name, variable in VARIABLES.items() if environment.get(variable)}
    try:
        return Metadata.model_validate({**settings.model_dump(), **given, **_port(given)})
    except ValueError as error:
        raise ConfigError(
            ", ".join(VARIABLES[name] for name in given), "not usable", received=str(given),
            expected="backend mysql, postgresql or sqlite; a port number",
        ) from error  # fmt: skip


def _port(given: Mapping[str, str]) -> dict[str, int]:
    return {"port": int(given["port"])} if "port" in given else {}

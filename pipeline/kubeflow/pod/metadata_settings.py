"""The settings of ML Metadata from the environment of a pod."""

from collections.abc import Mapping

from pipeline.config.root import Metadata
from pipeline.errors import ConfigError

# Not MAINLINE_METADATA_*: Kubernetes sets such variables for the Service mainline-metadata.
VARIABLES = {name: f"MAINLINE_MLMD_{name.upper()}" for name in ("backend", "host", "port", "database", "user")}


def from_environment(settings: Metadata, environment: Mapping[str, str]) -> Metadata:
    """Override settings by the environment, so that one package runs on every cluster.

    Raises:
        ConfigError: an invalid value.
    """
    given = {name: environment[variable] for name, variable in VARIABLES.items() if environment.get(variable)}
    try:
        return Metadata.model_validate({**settings.model_dump(), **given, **_port(given)})
    except ValueError as error:
        raise ConfigError(
            ", ".join(VARIABLES[name] for name in given), "invalid", received=str(given),
            expected="backend mysql, postgresql or sqlite; a port number",
        ) from error  # fmt: skip


def _port(given: Mapping[str, str]) -> dict[str, int]:
    return {"port": int(given["port"])} if "port" in given else {}

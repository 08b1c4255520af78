"""From the command line to a package: split settings into pipeline and run parameters, then compile."""

import importlib
import tempfile
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.compat.tfx import startup
from components.support.atomic_files import write_whole
from pipeline.config.load import load_config
from pipeline.config.root import Config
from pipeline.errors import MainlineError
from pipeline.kubeflow.parameters import parameter_name, value_at
from pipeline.run.log_redirect import redirect_output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.kubeflow.compile.package import Package

# Imports that take most of the time.
SLOW_IMPORTS = ("pipeline.pipeline", "tfx.dsl.compiler.compiler", "kfp.compiler")


@dataclass(frozen=True)
class CompileRequest:
    """A config to compile, and the parameters of its run.

    Attributes:
        config: without the settings that are parameters of the run, so that they do not change the package.
        parameters: of the run, by their names in Kubeflow Pipelines.
        full_config: with all settings, for a package that is not run at once.
    """

    config: Config
    parameters: Mapping[str, Any]
    full_config: Config


@dataclass(frozen=True)
class Compilation:
    """A package, with the seconds that its compilation took, and those of them for imports."""

    package: "Package"
    seconds: float
    import_seconds: float

    def timing(self) -> str:
        """The times as text."""
        return f"compiled in {self.seconds:.1f} s, {self.import_seconds:.1f} s of it for imports"


def read_request(name: str, overrides: tuple[str, ...], image: str) -> CompileRequest:
    """Load the config; overrides of keys in ``kubeflow.parameters`` become parameters of the run.

    Raises:
        ConfigError: the config is not valid with all overrides.
    """
    if image:
        overrides = (*overrides, f"kubeflow.image={image}")
    full_config = load_config(name, overrides, env="kubeflow")
    for_run = [text for text in overrides if text.partition("=")[0] in full_config.kubeflow.parameters]
    base = load_config(name, tuple(text for text in overrides if text not in for_run), env="kubeflow")
    keys = {text.partition("=")[0] for text in for_run}
    values = {parameter_name(key): value_at(full_config, key) for key in sorted(keys)}
    return CompileRequest(base, values, full_config)


def compile_config(config: Config) -> Compilation:
    """Compile a config, with the output of libraries in a log file.

    Raises:
        ConfigError: the config cannot be compiled.
        MainlineError: any other error; it names the log file.
    """
    started_s = time.monotonic()
    with output_to_log():
        # Without an image compilation fails, so do not import for seconds first.
        if config.kubeflow.image:
            startup.prepare_process()
            for module in SLOW_IMPORTS:
                importlib.import_module(module)
        imported_s = time.monotonic() - started_s
        from pipeline.kubeflow.compile.package import make_package

        package = make_package(config)
    return Compilation(package, time.monotonic() - started_s, imported_s)


@contextmanager
def output_to_log() -> "Iterator[None]":
    """Redirect the output of libraries to a log file, which is kept only after an unexpected error."""
    with tempfile.NamedTemporaryFile(prefix="mainline-compile-", suffix=".log", delete=False) as file:
        log = Path(file.name)
    try:
        with redirect_output(log):
            yield
    except MainlineError:
        log.unlink()
        raise
    except Exception as error:
        raise MainlineError(
            "compile", "failed", received=f"{type(error).__name__}: {error}",
            next_step=f"less {log}",
        ) from error  # fmt: skip
    log.unlink()


def write_package(package: "Package", output: Path) -> None:
    """Write the YAML atomically.

    Raises:
        MainlineError: the file cannot be written.
    """
    try:
        write_whole(output, package.text.encode("utf-8"))
    except OSError as error:
        raise MainlineError(str(output), "cannot be written", received=str(error)) from error

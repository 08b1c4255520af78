"""From the command line to a package: which keys change the pipeline and which only its run, and the compilation."""

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

# What makes most of the seconds: TFX with TensorFlow, and the SDK.
SLOW = ("pipeline.pipeline", "tfx.dsl.compiler.compiler", "kfp.compiler")


@dataclass(frozen=True)
class Asked:
    """What to compile, and the parameters of a run of it by the name that Kubeflow Pipelines has for them.

    ``whole`` is the config with the parameters in it, which is what ``compile`` writes: a file has no run beside it.
    """

    config: Config
    parameters: Mapping[str, Any]
    whole: Config


@dataclass(frozen=True)
class Compiled:
    """A package with the seconds it took, and how many of them were imports."""

    package: "Package"
    seconds: float
    import_seconds: float

    def took(self) -> str:
        """The times as text."""
        return f"compiled in {self.seconds:.1f} s, of which {self.import_seconds:.1f} s imports"


def asked(name: str, overrides: tuple[str, ...], image: str) -> Asked:
    """Reads the config. An override of a key that the pipeline has as a parameter leaves the pipeline as it is.

    Raises:
        ConfigError: the config, as a run would have it, cannot be used.
    """
    if image:
        overrides = (*overrides, f"kubeflow.image={image}")
    whole = load_config(name, overrides, env="kubeflow")
    for_run = [text for text in overrides if text.partition("=")[0] in whole.kubeflow.parameters]
    base = load_config(name, tuple(text for text in overrides if text not in for_run), env="kubeflow")
    keys = {text.partition("=")[0] for text in for_run}
    values = {parameter_name(key): value_at(whole, key) for key in sorted(keys)}
    return Asked(base, values, whole)


def compiled(config: Config) -> Compiled:
    """Compiles, with what libraries print kept away from the terminal.

    Raises:
        ConfigError: the config cannot be compiled.
        MainlineError: anything else; it names the file with what libraries printed.
    """
    started_s = time.monotonic()
    with quiet():
        # Without an image nothing is compiled, and that is said before anything slow is done.
        if config.kubeflow.image:
            startup.prepare_process()
            for module in SLOW:
                importlib.import_module(module)
        imported_s = time.monotonic() - started_s
        from pipeline.kubeflow.compile.package import make_package

        package = make_package(config)
    return Compiled(package, time.monotonic() - started_s, imported_s)


@contextmanager
def quiet() -> "Iterator[None]":
    """Sends what libraries print to a file, which is kept only when something unforeseen goes wrong."""
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
            "compile", "the pipeline could not be compiled", received=f"{type(error).__name__}: {error}",
            next_step=f"less {log}",
        ) from error  # fmt: skip
    log.unlink()


def write_package(package: "Package", output: Path) -> None:
    """Writes the YAML, whole or not at all.

    Raises:
        MainlineError: the file cannot be written.
    """
    try:
        write_whole(output, package.text.encode("utf-8"))
    except OSError as error:
        raise MainlineError(str(output), "cannot be written", received=str(error)) from error

"""Whether steps that XLA compiles may be spread over processes: only on GPUs can it join their gradients.

On CPU the first step ends the process, with "double free or corruption" (TensorFlow 2.16).
"""

import os
from pathlib import Path

from pipeline.errors import ConfigError

DEVICES = Path("/dev")


def has_gpu(devices: Path = DEVICES) -> bool:
    """Whether this machine has a GPU that processes may see; asked without TensorFlow, which takes seconds."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible not in ("", "-1", "none") and any(devices.glob("nvidia[0-9]*"))


def check_compiled(strategy: str, jit_compile: bool, gpus: bool, where: str) -> None:
    """Compares the settings of a training with the place that its workers run in.

    Raises:
        ConfigError: it would end without a word in its first step.

    >>> check_compiled("multi_worker", True, gpus=True, where="workers")
    """
    if jit_compile and strategy == "multi_worker" and not gpus:
        raise ConfigError(
            "training.jit_compile", "XLA cannot join the gradients of several workers on CPU",
            expected="a GPU for each worker, or jit_compile: false",
            received=f"strategy: multi_worker, no GPU in {where}",
            next_step="Set training.jit_compile=false.",
        )  # fmt: skip

"""Checks that XLA-compiled steps can run on several workers, which needs GPUs.

On CPU the first step crashes the process with "double free or corruption" (TensorFlow 2.16).
"""

import os
from pathlib import Path

from pipeline.errors import ConfigError

DEVICES = Path("/dev")


def has_gpu(devices: Path = DEVICES) -> bool:
    """Whether this machine has a visible GPU; found without importing TensorFlow, which takes seconds."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible not in ("", "-1", "none") and any(devices.glob("nvidia[0-9]*"))


def check_compiled(strategy: str, jit_compile: bool, gpus: bool, where: str) -> None:
    """Check that the workers of a training can run XLA-compiled steps.

    Args:
        strategy: the training's distribution strategy.
        jit_compile: whether XLA compiles the steps.
        gpus: whether the workers have GPUs.
        where: the workers, for the message.

    Raises:
        ConfigError: the training would crash in its first step.

    >>> check_compiled("multi_worker", True, gpus=True, where="workers")
    """
    if jit_compile and strategy == "multi_worker" and not gpus:
        raise ConfigError(
            "training.jit_compile", "XLA cannot reduce the gradients of several workers on CPU",
            expected="a GPU for each worker, or jit_compile: false",
            received=f"strategy: multi_worker, no GPU in {where}",
            next_step="Set training.jit_compile=false.",
        )  # fmt: skip

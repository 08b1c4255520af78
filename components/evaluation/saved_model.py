"""A SavedModel as a function from serialized examples to scores."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

import components.compat.tensorflow  # noqa: F401 (lets models be restored from folders of any name)
from pipeline.errors import ConfigError

Score = Callable[[tf.Tensor], NDArray[np.generic]]


@functools.lru_cache(maxsize=4)
def load_model(path: str, signature: str, output: str) -> Score:
    """Return a function from serialized tf.Examples, (batch,), to an output of the model; cached in the process.

    Raises:
        ConfigError: the model lacks the signature or the output.
    """
    model = tf.saved_model.load(path)
    if signature not in model.signatures:
        raise ConfigError(path, "no such signature", expected=signature, received=", ".join(model.signatures))
    function = model.signatures[signature]
    if output not in function.structured_outputs:
        received = ", ".join(function.structured_outputs)
        raise ConfigError(f"{path}, {signature}", "no such output", expected=output, received=received)
    (argument,) = function.structured_input_signature[1]

    def score(examples: tf.Tensor, model: tf.Module = model) -> NDArray[np.generic]:
        # The argument keeps the model alive: the signature holds no reference to it, and its variables would be freed.
        return np.asarray(function(**{argument: examples})[output].numpy())

    return score

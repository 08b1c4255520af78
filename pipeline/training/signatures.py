"""The signatures of an exported model: scores of serialized examples or plain columns, and transformed features."""

from collections.abc import Callable, Mapping

import tensorflow as tf
import tensorflow_transform as tft
import tf_keras as keras

from pipeline.features.tensors import is_given

Tensors = dict[str, tf.Tensor]
RawSpec = Mapping[str, tf.io.FixedLenFeature | tf.io.VarLenFeature]


class ServingModel(tf.Module):
    """A model with its preprocessing: raw columns to the outputs of its task, such as ``score``, (batch, 1) float32.

    Signatures:
        serving_default: ``examples`` (batch,) string, serialized tf.Example. An optional column may be left out.
        predict_raw: one input (batch,) per column, of the type of the column: string, int64 for whole numbers, float32
            for others.
        transform_features: ``examples`` as above to the transformed features.

    In an optional column ``""``, the least int64 and NaN stand for missing, in every signature.
    """

    def __init__(
        self, model: keras.Model, transform: tft.TFTransformOutput, raw_spec: RawSpec,
        outputs: Callable[[tf.Tensor], Tensors],
    ) -> None:  # fmt: skip
        super().__init__()
        # Saving the layers' own functions would double time and size, so a closure hides the model from the tracking
        # of tf.Module; its variables must be saved.
        self.weights = list(model.variables)
        self._model: Callable[[Tensors], tf.Tensor] = lambda features: model(features, training=False)
        self.transform_layer = transform.transform_features_layer()
        self.raw_spec = dict(raw_spec)
        self.outputs = outputs

    def save(self, directory: str) -> None:
        """Write a SavedModel."""
        tf.saved_model.save(self, directory, signatures=self.signatures())

    def signatures(self) -> dict[str, Callable[..., Tensors]]:
        """Return the signatures by name, traced; functions that the module holds would be traced again on saving."""
        examples = tf.TensorSpec((None,), tf.string, name="examples")
        return {
            "serving_default": traced(self.score_examples, examples),
            "predict_raw": traced(self.score_columns, **self.column_specs()),
            "transform_features": traced(self.transform_examples, examples),
        }

    def column_specs(self) -> dict[str, tf.TensorSpec]:
        """Return the inputs of ``predict_raw``."""
        return {name: tf.TensorSpec((None,), spec.dtype, name=name) for name, spec in self.raw_spec.items()}

    def score_examples(self, examples: tf.Tensor) -> Tensors:
        """Score serialized examples (batch,)."""
        return self._score(tf.io.parse_example(examples, self.raw_spec))

    def score_columns(self, **columns: tf.Tensor) -> Tensors:
        """Score plain columns, each (batch,)."""
        return self._score({name: as_parsed(name, columns[name], spec) for name, spec in self.raw_spec.items()})

    def transform_examples(self, examples: tf.Tensor) -> Tensors:
        """Transform serialized examples (batch,)."""
        return self.transform_layer(tf.io.parse_example(examples, self.raw_spec))

    def _score(self, raw: Mapping[str, tf.Tensor | tf.SparseTensor]) -> Tensors:
        return self.outputs(self._model(self.transform_layer(raw)))


def traced(
    function: Callable[..., Tensors], /, *args: tf.TensorSpec, **kwargs: tf.TensorSpec
) -> Callable[..., Tensors]:
    """Trace a function of tensors."""
    return tf.function(function, autograph=False).get_concrete_function(*args, **kwargs)


def as_parsed(
    name: str, column: tf.Tensor, spec: tf.io.FixedLenFeature | tf.io.VarLenFeature
) -> tf.Tensor | tf.SparseTensor:
    """Return a plain column (batch,) as if it had been parsed from examples: (batch, 1), sparse if optional."""
    if isinstance(spec, tf.io.FixedLenFeature):
        if column.dtype.is_floating:
            column = tf.debugging.check_numerics(column, f"column {name!r} is required: a number must be given")
        return column[:, tf.newaxis]
    rows = tf.where(is_given(column))
    values = tf.gather(column, rows[:, 0])
    indices = tf.concat([rows, tf.zeros_like(rows)], axis=1)
    shape = tf.stack([tf.shape(column, tf.int64)[0], tf.constant(1, tf.int64)])
    return tf.SparseTensor(indices, values, shape)

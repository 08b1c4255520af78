"""Parts of TFX's Transform that are not in ``tfx.v1``.

``TransformExecutor`` calls ``Executor._GetPreprocessingFn`` (tfx/components/transform/executor.py), which imports the
function of the component and binds its ``custom_config``. If it goes, Transform fails at its start.

``executor_utils`` (tfx/components/transform/executor_utils.py) resolves splits and matches artifacts of examples. If it
goes, importing BatchTransform fails.
"""

from collections.abc import Callable
from typing import Any

from tfx.components.transform import executor, executor_utils, labels
from tfx.types import standard_component_specs as specs

__all__ = ["TransformExecutor", "executor_utils"]


class TransformExecutor(executor.Executor):
    """Stock Transform's executor, with public access to its preprocessing function."""

    def preprocessing_fn(self, properties: dict[str, Any]) -> Callable[..., Any]:
        """Return the function of the component, bound to its ``custom_config`` if it takes one."""
        named = {
            labels.PREPROCESSING_FN: properties.get(specs.PREPROCESSING_FN_KEY),
            labels.MODULE_FILE: None,
            labels.MODULE_PATH: None,
            labels.CUSTOM_CONFIG: properties.get(specs.CUSTOM_CONFIG_KEY),
        }
        found: Callable[..., Any] = self._GetPreprocessingFn(named, {})
        return found

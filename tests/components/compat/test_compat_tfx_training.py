"""Names each private part of TFX's Trainer and Transform that is gone."""

import inspect

import pytest
from tfx.components.trainer.executor import GenericExecutor
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.transform import executor as transform
from tfx.dsl.components.base.base_executor import BaseExecutor
from tfx.types import standard_artifacts
from tfx.types import standard_component_specs as specs

from components.compat.tfx import transform as compat_transform
from components.compat.tfx.trainer import FileArgsExecutor
from components.compat.tfx.transform import TransformExecutor


@pytest.mark.parametrize(
    ("owner", "name"), [(GenericExecutor, "_GetFnArgs"), (transform.Executor, "_GetPreprocessingFn")]
)
def test_the_hooks_exist(owner, name):
    assert callable(getattr(owner, name, None)), f"components.compat.tfx: {owner.__module__} no longer has {name}"


def test_trainer_passes_the_arguments_of_the_hook(monkeypatch):
    monkeypatch.setattr(GenericExecutor, "_GetFnArgs", lambda *_: FnArgs(working_dir="stock"))

    class Changed(FileArgsExecutor):
        def fn_args(self, inputs, properties, stock):
            return stock.working_dir, properties

    assert Changed()._GetFnArgs({}, {}, {"a": 1}) == ("stock", {"a": 1}), "compat.tfx.trainer: FileArgsExecutor"
    assert "self._GetFnArgs" in inspect.getsource(GenericExecutor.Do), "Trainer no longer calls _GetFnArgs"


def doubled(inputs, custom_config):
    return inputs * custom_config["factor"]


def test_transform_finds_the_function_and_binds_its_config():
    properties = {
        specs.PREPROCESSING_FN_KEY: f"{__name__}.{doubled.__name__}", specs.CUSTOM_CONFIG_KEY: '{"factor": 3}'
    }  # fmt: skip
    assert TransformExecutor().preprocessing_fn(properties)(2) == 6, "compat.tfx.transform: TransformExecutor"
    assert issubclass(TransformExecutor, BaseExecutor)


def test_transform_resolves_splits():
    examples = standard_artifacts.Examples()
    examples.split_names = '["train", "eval"]'
    found = compat_transform.executor_utils.ResolveSplitsConfig(None, [examples])
    assert (list(found.analyze), sorted(found.transform)) == (["train"], ["eval", "train"])

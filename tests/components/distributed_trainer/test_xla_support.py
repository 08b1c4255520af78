"""XLA-compiled steps with and without GPUs."""

import pytest

from components.distributed_trainer.xla_support import check_compiled, has_gpu
from pipeline.errors import ConfigError


def test_several_workers_on_cpu_cannot_use_xla():
    with pytest.raises(ConfigError, match="XLA cannot reduce the gradients") as caught:
        check_compiled("multi_worker", True, False, "this machine")
    assert caught.value.exit_code == 2
    assert "training.jit_compile=false" in str(caught.value)


@pytest.mark.parametrize(
    ("strategy", "jit", "gpus"),
    [("multi_worker", True, True), ("multi_worker", False, False), ("none", True, False), ("mirrored", True, False)],
)
def test_every_other_combination_is_allowed(strategy, jit, gpus):
    check_compiled(strategy, jit, gpus, "this machine")


def test_a_gpu_is_found_by_its_device_file(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert not has_gpu(tmp_path)
    (tmp_path / "nvidia0").touch()
    assert has_gpu(tmp_path)
    for hidden in ("", "-1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert not has_gpu(tmp_path)

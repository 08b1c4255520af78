"""The entry point of TFX's Trainer."""

from tfx.components.trainer.fn_args_utils import FnArgs

from pipeline.training.loop import train
from pipeline.workloads.impressions.features import TABLE
from pipeline.workloads.impressions.model import build_model


def run_fn(fn_args: FnArgs) -> None:
    """Train the model on transformed examples and save it with its signatures."""
    train(fn_args, TABLE, build_model)

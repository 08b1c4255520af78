"""What TFX's Trainer calls."""

from tfx.components.trainer.fn_args_utils import FnArgs

from pipeline.training.loop import train
from pipeline.workloads.impressions.features import TABLE
from pipeline.workloads.impressions.model import build_model


def run_fn(fn_args: FnArgs) -> None:
    """Fits the model on the transformed examples and saves it with its signatures."""
    train(fn_args, TABLE, build_model)

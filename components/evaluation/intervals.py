"""Confidence intervals from jackknife samples, by TFMA's formula."""

from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma
from numpy.typing import NDArray

from components.compat.tfma import math_util
from components.evaluation.jackknife import Estimate, estimate

Samples = NDArray[np.float64]
# Smaller differences between samples are rounding errors.
ROUNDING = 1e-12


def tfma_value(value: float | Estimate, buckets: int) -> Any:
    """Return a value in TFMA's representation."""
    if isinstance(value, float):
        return value
    return tfma.types.ValueWithTDistribution(
        sample_mean=value.mean,
        sample_standard_deviation=value.standard_error,
        sample_degrees_of_freedom=buckets - 1,
        unsampled_value=value.value,
    )


def interval(of_metric: Samples) -> tuple[float, float] | None:
    """Return TFMA's interval from (1 + buckets,) samples; None if a sample is not finite or all are equal."""
    if not np.isfinite(of_metric).all() or np.ptp(of_metric) < ROUNDING:
        return None
    estimated = estimate(of_metric)
    _, low, high = math_util.calculate_confidence_interval(tfma_value(estimated, len(of_metric) - 1))
    return float(low), float(high)

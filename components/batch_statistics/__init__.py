"""StatisticsGen that works in batches, with the outputs of stock StatisticsGen."""

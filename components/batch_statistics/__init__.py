"""StatisticsGen that counts in batches, with the outputs of stock StatisticsGen."""

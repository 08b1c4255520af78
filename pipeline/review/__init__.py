"""The reviewer's command: reads, draws, compares and decides on reports of runs."""

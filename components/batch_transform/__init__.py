"""Transform that files in batches, with the same outputs as stock Transform."""

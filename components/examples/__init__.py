"""Examples artifacts, as executors read them."""

# Custom property of an Examples artifact: by split the rows of the files that it was read from, counted apart from the
# readers, and how many of them were put aside, as JSON.
SOURCE_ROWS = "source_rows"

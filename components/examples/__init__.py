"""Examples artifacts, as executors read them."""

# Custom property of an Examples artifact: by split the rows of the files that it was read from, counted apart from the
# readers, and how many of them were put aside, as JSON.
SOURCE_ROWS = "source_rows"
# Custom property of an Examples artifact: by split the number of rows of each file by name, as JSON. In the custom
# config of a training: the number of rows of each file by path.
FILE_ROWS = "file_rows"

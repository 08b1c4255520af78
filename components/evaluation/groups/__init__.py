"""Groups of rows by the value of a column, and the rates that are compared between them."""

# The group of rows without a value, and that of all values without a group of their own.
NONE, OTHER = "(none)", "(other values)"

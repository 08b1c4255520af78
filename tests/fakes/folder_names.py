"""Names of folders that a pattern would read as something else, and the folders that they would match."""

NAMES = ["rows [v2]", "q?", "s*", "b\\c", "[!x]", "]x[", "{a}", "ä #%", "a\\[b]", "[", "**"]
NEIGHBOURS = ["rows v", "q1", "sx", "bc", "b", "x", "a", "a[b]"]

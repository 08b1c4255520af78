"""Examples artifacts, as executors read them."""

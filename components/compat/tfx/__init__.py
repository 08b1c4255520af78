"""Private parts of TFX, and what we change of it."""

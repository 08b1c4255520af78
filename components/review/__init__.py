"""The human review gate: a blessed model is pushed only after a reviewer has approved its report."""

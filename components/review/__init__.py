"""The human review gate: a blessed model is pushed once a reviewer has approved its report."""

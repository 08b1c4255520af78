"""Customers that churn, as columns and as a file: a table whose truth is known."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

WORDS = ("the", "support", "was", "slow", "and", "nobody", "could", "tell", "me", "when")


def customers(rows: int = 300, seed: int = 3) -> dict[str, list[Any]]:
    """Customers that churn by plan, age and spending; ``cancel_reason`` is known afterwards."""
    draw = np.random.default_rng(seed)
    plan = draw.choice(["basic", "plus", "pro"], rows, p=[0.5, 0.3, 0.2])
    age, spend = draw.normal(45, 14, rows).clip(18, 90).round(), draw.lognormal(3, 0.8, rows).round(2)
    logit = -1.3 + (plan == "basic") * 1.2 - (age - 45) / 20 + (spend < 15) * 0.8
    churned = (draw.random(rows) < 1 / (1 + np.exp(-logit))).astype(int)
    absent = draw.random(rows) < 0.1
    days = np.datetime64("2023-01-01") + draw.integers(0, 700, rows)
    reasons = draw.choice(["price", "moved", "service"], rows)
    return {
        "customer_id": [f"C{10_000 + 7 * row}" for row in range(rows)],
        "plan": plan.tolist(),
        "age": ["" if gone else int(value) for gone, value in zip(absent, age, strict=True)],
        "monthly spend": spend.tolist(),
        "gender": draw.choice(["female", "male"], rows).tolist(),
        "signup_date": days.astype(str).tolist(),
        "comment": [f"{' '.join(draw.choice(WORDS, 8))} {row}" for row in range(rows)],
        "cancel_reason": [reason if left else "" for reason, left in zip(reasons, churned, strict=True)],
        "churned": churned.tolist(),
    }


def write_csv(path: Path, columns: Mapping[str, Iterable[Any]], delimiter: str = ",") -> Path:
    """Write columns as a CSV file."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path

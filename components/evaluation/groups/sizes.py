"""When rows or units are too few to conclude from."""

MIN_ROWS = 30
MIN_OF_EACH_LABEL = 10


def too_small(positives: int, negatives: int) -> str:
    """Explain why rows are too few to conclude from: under 30, or under 10 with a label; empty if they are enough.

    The normal approximation is commonly trusted from 5 or 10 rows of each outcome on; Brown, Cai and DasGupta 2001
    (https://doi.org/10.1214/ss/1009213286) find even these limits weak. The stricter is used here, with 30 rows.

    >>> too_small(9, 3), too_small(3, 500), too_small(500, 1), too_small(10, 20)
    ('only 12 rows', 'only 3 rows with label 1', 'only 1 row with label 0', '')
    """
    if positives + negatives < MIN_ROWS:
        return only(positives + negatives)
    fewest, label = min((positives, 1), (negatives, 0))
    return f"{only(fewest)} with label {label}" if fewest < MIN_OF_EACH_LABEL else ""


def too_few_units(units: int | None) -> str:
    """Explain why units are too few: under 30, where intervals by unit become too narrow; empty if they are enough.

    >>> too_few_units(2), too_few_units(30), too_few_units(None)
    ('only 2 units', '', '')
    """
    if units is None or units >= MIN_ROWS:
        return ""
    return f"only {units} unit{'s' * (units != 1)}" if units else "no units"


def only(rows: int) -> str:
    """Return a small number of rows in words.

    >>> only(2), only(1), only(0)
    ('only 2 rows', 'only 1 row', 'no rows')
    """
    return f"only {rows} row{'s' * (rows != 1)}" if rows else "no rows"

"""What Model Monitor's analyzer writes of some values, by its published source (awslabs/deequ)."""

from __future__ import annotations

from typing import Any


def number(name: str, values: list[float], missing: int = 0, level: int = 0) -> dict[str, Any]:
    """A numeric feature: ten buckets of equal width; a sketch whose items weigh 2^level each."""
    low, high = min(values), max(values)
    weight, size = 1 << level, len(values)
    buckets = []
    for place in range(10):
        start = low + (high - low) * place / 10
        end = low + (high - low) * (place + 1) / 10
        inside = sum(start <= each < end or (place == 9 and each == end) for each in values)
        buckets.append({"lower_bound": start, "upper_bound": end, "count": inside * weight})
    mean = sum(values) / size
    return {
        "name": name,
        "inferred_type": "Fractional",
        "numerical_statistics": {
            "common": {"num_present": size * weight, "num_missing": missing},
            "mean": mean,
            "sum": sum(values) * weight,
            "std_dev": (sum((each - mean) ** 2 for each in values) / size) ** 0.5,
            "min": low,
            "max": high,
            "distribution": {
                "kll": {
                    "buckets": buckets,
                    "sketch": {
                        "parameters": {"c": 0.64, "k": 2048.0},
                        "data": [*([] for _ in range(level)), values],
                    },
                }
            },
        },
    }


def text(name: str, counts: dict[str, int], missing: int = 0) -> dict[str, Any]:
    """A text feature with few values."""
    return {
        "name": name,
        "inferred_type": "String",
        "string_statistics": {
            "common": {"num_present": sum(counts.values()), "num_missing": missing},
            "distinct_count": float(len(counts)),
            "distribution": {
                "categorical": {
                    "buckets": [{"value": each, "count": n} for each, n in counts.items()]
                }
            },
        },
    }


def statistics(rows: int, *features: dict[str, Any]) -> dict[str, Any]:
    """The whole file."""
    return {"version": 0.0, "dataset": {"item_count": rows}, "features": list(features)}

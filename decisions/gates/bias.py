"""Gate `bias`: the model must over- or under-predict about equally in every group."""

from typing import Literal

from pydantic import Field

from decisions.gates.evidence import Evidence, GateParameters
from decisions.reports import FacetReport, GateResult


class Bias(GateParameters):
    """Largest spread of the prediction-to-label ratio between the values of one facet.

    The ratio of a value is (share predicted positive) / (share labelled positive); the spread of a
    facet is its largest ratio minus its smallest. 0 means that every group is treated alike. Values
    with fewer than `minimum_rows` rows are left out: their rates are noise.
    """

    gate: Literal["bias"] = "bias"
    maximum_spread: float = Field(gt=0.0)
    minimum_rows: int = Field(ge=1)


def judge(parameters: Bias, evidence: Evidence) -> GateResult:
    """Pass when the widest spread over all facets stays within the maximum."""
    maximum = parameters.maximum_spread
    if evidence.bias is None:
        return parameters.refuse("There is no bias report to judge.", threshold=maximum)
    judged = [value for value in evidence.bias.facets if value.rows >= parameters.minimum_rows]
    unknown = [value for value in judged if _ratio(value) is None]
    if unknown:
        return parameters.refuse(
            f"{unknown[0].facet}={unknown[0].value} has {unknown[0].rows} rows but no finite ratio "
            "of predicted to labelled positives.",
            threshold=maximum,
        )
    spreads = _spreads(judged)
    if not spreads:
        return parameters.refuse(
            f"No facet has two values with at least {parameters.minimum_rows} rows; "
            "the spread cannot be told.",
            threshold=maximum,
        )
    facet, spread = max(spreads.items(), key=lambda item: (item[1], item[0]))
    passed = spread <= maximum
    relation = "stays within" if passed else "exceeds"
    return parameters.answer(
        passed=passed,
        observed=spread,
        threshold=maximum,
        why=f"The predicted-to-labelled ratio differs by {spread:.4f} between the values of "
        f"{facet}, which {relation} the maximum {maximum:.4f}.",
    )


def _ratio(value: FacetReport) -> float | None:
    if value.positive_rate_prediction is None or not value.positive_rate_label:
        return None
    return value.positive_rate_prediction / value.positive_rate_label


def _spreads(judged: list[FacetReport]) -> dict[str, float]:
    """Give each facet with two or more values the distance of its extreme ratios."""
    ratios: dict[str, list[float]] = {}
    for value in judged:
        ratios.setdefault(value.facet, []).append(_ratio(value) or 0.0)
    return {facet: max(found) - min(found) for facet, found in ratios.items() if len(found) > 1}

"""Comparisons as messages, and what is asked as domain values."""

from collections.abc import Sequence
from typing import Any

from rundblick.metrics.v1 import comparison_pb2 as pb
from rundblick.metrics.v1 import kpi_pb2

from services.metrics.comparison.domain import Comparison, Finding, Measure, OpenAware, Placebo, Stratum, Verdict
from services.metrics.comparison.words import Said, of_measure, say
from services.metrics.kpi.messages import interval_to_proto, share_to_proto

VERDICT_TO_PROTO: dict[Verdict, Any] = {one: pb.Verdict.Value(f"VERDICT_{one.value}") for one in Verdict}
MEASURE_TO_PROTO: dict[Measure, Any] = {one: pb.EffectMeasure.Value(f"EFFECT_MEASURE_{one.value}") for one in Measure}


def to_proto(
    comparison: Comparison,
    baseline: kpi_pb2.KpiResult,
    current: kpi_pb2.KpiResult,
    stratify_by: Sequence[str],
    more: Sequence[Finding],
    language: str,
) -> pb.Comparison:
    """more: warnings that the comparison itself knows nothing of."""
    because = [*(say(one, language) for one in (*comparison.because, *_in_time(comparison)))]
    if comparison.effect is not None:
        because.append(of_measure(comparison.measure, language))
    trend = comparison.trend
    return pb.Comparison(
        verdict=VERDICT_TO_PROTO[comparison.verdict],
        because=map(_message, because),
        warnings=[_message(say(one, language)) for one in (*comparison.warnings, *more)],
        baseline=baseline,
        current=current,
        measure=MEASURE_TO_PROTO[comparison.measure],
        effect=interval_to_proto(comparison.effect),
        difference=interval_to_proto(comparison.difference),
        effect_size=comparison.effect_size,
        effect_size_interval=interval_to_proto(comparison.effect_size_interval),
        statistic=comparison.statistic,
        p_value=comparison.p,
        test=comparison.test or "",
        open_aware=_open_aware(comparison.open_aware),
        placebo=_placebo(comparison.placebo),
        season=comparison.season,
        trend=pb.TrendBefore(tau=trend.tau, slope=trend.slope, p_value=trend.p) if trend is not None else None,
        strata=[_stratum(one, stratify_by) for one in comparison.strata],
        mix_shift=interval_to_proto(comparison.mix_shift),
        control=interval_to_proto(comparison.control),
        minimum_detectable=comparison.minimum_detectable,
        within_strata=interval_to_proto(comparison.within_strata),
        n_baseline=comparison.n_baseline,
        n_current=comparison.n_current,
    )


def _in_time(comparison: Comparison) -> list[Finding]:
    aware = comparison.open_aware
    if aware is None or aware.baseline is None or aware.current is None:
        return []
    if aware.baseline.share is None or aware.current.share is None:
        return []
    shares = {"baselineShare": aware.baseline.share, "currentShare": aware.current.share}
    return [Finding("SHARE_IN_TIME", {**shares, "followUpDays": float(aware.follow_up_days)})]


def _message(said: Said) -> kpi_pb2.LocalizedMessage:
    return kpi_pb2.LocalizedMessage(code=said.code, parameters=said.parameters, text=said.text)


def _open_aware(aware: OpenAware | None) -> pb.OpenAwareTest | None:
    if aware is None:
        return None
    mean, rank = aware.restricted_mean, aware.log_rank
    return pb.OpenAwareTest(
        follow_up_days=aware.follow_up_days,
        effect=interval_to_proto(aware.effect),
        log_rank_z=rank.z if rank is not None else None,
        log_rank_p=rank.p if rank is not None else None,
        restricted_mean_difference=interval_to_proto(mean.difference) if mean is not None else None,
        baseline_restricted_mean=mean.baseline.value if mean is not None else None,
        current_restricted_mean=mean.current.value if mean is not None else None,
        horizon_seconds=aware.horizon_seconds,
        baseline_within_target=share_to_proto(aware.baseline),
        current_within_target=share_to_proto(aware.current),
        share_difference=interval_to_proto(aware.share_difference),
    )


def _placebo(placebo: Placebo | None) -> pb.PlaceboTest | None:
    if placebo is None:
        return None
    return pb.PlaceboTest(
        dates=placebo.dates,
        independent=placebo.independent,
        share=placebo.share,
        lower=placebo.lower,
        upper=placebo.upper,
        needed=placebo.needed,
        effect=placebo.effect,
        follow_up_days=placebo.follow_up_days,
    )


def _stratum(stratum: Stratum, stratify_by: Sequence[str]) -> pb.StratumComparison:
    return pb.StratumComparison(
        key=[
            kpi_pb2.DimensionValue(dimension=dimension, value=value)
            for dimension, value in zip(stratify_by, stratum.values, strict=True)
        ],
        n_baseline=stratum.n_baseline,
        n_current=stratum.n_current,
        effect_size=stratum.effect,
        difference=interval_to_proto(stratum.difference),
        p_value=stratum.p,
        p_holm=stratum.p_holm,
        open_effect=stratum.open_effect,
    )

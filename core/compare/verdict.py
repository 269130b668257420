"""The verdict on two schedules: a difference of their results beyond chance, of images and seeds.

SciPy has the same tests (`binomtest`, `ttest_rel`, `ttest_ind`), but takes a second to import.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import atan, cos, exp, inf, isclose, lgamma, log, pi, sin, sqrt
from statistics import fmean, stdev
from typing import TypeVar

LEVEL = 0.05
"""Probability of chance below which a difference counts as more than noise."""
_Key = TypeVar("_Key")
_NEGLIGIBLE = 1e-17
"""Share of a sum below which a term no longer changes it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of a run: its seed, its accuracy from 0 to 1, and its number of validation images.

    `right` says of each image, by its name, whether it was classified right; it is empty where the
    run has kept no predictions.
    """

    seed: int
    accuracy: float
    images: int
    right: Mapping[str, bool]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A comparison of the trials of two schedules, A and B.

    `gap` is the mean accuracy of B minus that of A. `by_images` is the probability that chance in
    the choice of images makes such a gap or a larger one, `by_seeds` that chance in the seeds does,
    None with less than two seeds each. `only` counts the images on which A alone, and B alone, is
    right, or is so with more seeds; None where the two had other images. It takes both
    probabilities below `level`, and images that speak for the better one, for a gap that
    `is_beyond_noise`.
    """

    gap: float
    by_images: float
    by_seeds: float | None
    only: tuple[int, int] | None
    level: float = LEVEL

    @property
    def is_beyond_noise(self) -> bool:
        """The gap is more than noise."""
        of_a, of_b = self.only or (0.0, self.gap)
        agree = (of_b - of_a) * self.gap > 0
        return agree and max(self.by_images, self.by_seeds or 0.0) < self.level


def judge(a: Sequence[Trial], b: Sequence[Trial], comparisons: int = 1) -> Verdict:
    """Return the verdict on two schedules that have at least one trial each.

    Where all trials have the same images, those are compared in pairs (McNemar's test; with several
    seeds, a sign test on the share of seeds that are right), with as many seeds of one as of the
    other. Elsewhere counts of right images are (Fisher's test). Seeds are compared by a t-test, in
    pairs if both have the same. Of several `comparisons`, each has its part of the level
    (Bonferroni).
    """
    gap = _mean(b) - _mean(a)
    only = _only(*_as_many(a, b))
    by_images = mcnemar(*only) if only else fisher(*_counts(a), *_counts(b))
    by_seeds = _by_seeds(a, b) if min(len(a), len(b)) > 1 else None
    return Verdict(gap, by_images, by_seeds, only, LEVEL / comparisons)


def clear_best(several: Mapping[_Key, Sequence[Trial]]) -> _Key | None:
    """Return the schedule that beats each other one by more than noise; None if none does."""
    best = max(several, key=lambda key: _mean(several[key]), default=None)
    others = [trials for key, trials in several.items() if key != best]
    if best is None or not others:
        return None
    verdicts = (judge(trials, several[best], len(others)) for trials in others)
    return best if all(verdict.is_beyond_noise for verdict in verdicts) else None


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the p-value of McNemar's exact test, two-sided.

    It is given the images on which one alone is right: without a difference, each of them is A's or
    B's with equal chance.
    """
    count, fewer = only_a + only_b, min(only_a, only_b)
    first = exp(_log_choose(count, fewer) - count * log(2))
    return min(1.0, 2 * _tail(first, (at / (count - at + 1) for at in range(fewer, 0, -1))))


def fisher(right_a: int, images_a: int, right_b: int, images_b: int) -> float:
    """Return the p-value of Fisher's exact test for two counts of right images.

    It is twice that of the side on which the counts are.
    """
    right, images = right_a + right_b, images_a + images_b
    first = exp(
        _log_choose(images_a, right_a) + _log_choose(images_b, right_b) - _log_choose(images, right)
    )
    sides = (
        _tail(first, _fewer_in_first(*counts))
        for counts in (
            (right_a, images_a, right_b, images_b),
            (right_b, images_b, right_a, images_a),
        )
    )
    return min(1.0, 2 * min(sides))


def paired_t(differences: Sequence[float], resolution: float = 0.0) -> float:
    """Return the two-sided p-value of the t-test for a mean of 0, of two differences or more.

    Differences are multiples of the resolution, so their deviation counts as no less than it.
    """
    count = len(differences)
    deviation = max(stdev(differences), resolution)
    return _t_test(fmean(differences), deviation / sqrt(count), count - 1)


def unpaired_t(a: Sequence[float], b: Sequence[float], resolution: float = 0.0) -> float:
    """Return the two-sided p-value of Student's t-test for equal means, of three values or more.

    Values are multiples of the resolution, so their deviation counts as no less than it.
    """
    freedom = len(a) + len(b) - 2
    variance = sum((each - fmean(part)) ** 2 for part in (a, b) for each in part) / freedom
    deviation = max(sqrt(variance), resolution)
    return _t_test(fmean(b) - fmean(a), deviation * sqrt(1 / len(a) + 1 / len(b)), freedom)


def in_words(
    verdict: Verdict, a: Sequence[Trial], b: Sequence[Trial], names: tuple[str, str]
) -> str:
    """Return what the verdict on `a` and `b`, called by these names, rests on, as sentences."""
    sentences = [_of_images(verdict, a, b, names), _of_seeds(verdict, a, b, names)]
    if verdict.level < LEVEL:
        count = round(LEVEL / verdict.level)
        sentences.append(f"In {count} comparisons, each counts below p = {verdict.level:.2g}.")
    return " ".join(sentences)


def points(gap: float) -> str:
    """Return a difference of two accuracies, as in `1.4 points`."""
    number = f"{100 * abs(gap):.1f}"
    return f"{number} {'point' if number == '1.0' else 'points'}"


def _of_images(
    verdict: Verdict, a: Sequence[Trial], b: Sequence[Trial], names: tuple[str, str]
) -> str:
    if verdict.only is None:
        counts = " and ".join(f"{count:,}" for count in dict.fromkeys((_images(a), _images(b))))
        return (
            f"On {counts} validation images, not known to be the same "
            f"(Fisher's test, {_chance(verdict.by_images)})."
        )
    seeds = min(len(a), len(b))
    of_a, of_b = verdict.only
    if seeds > 1:
        found = f"{of_a:,} are right with more seeds of {names[0]} and {of_b:,} of {names[1]}"
        test = "a sign test"
    else:
        found = f"{of_a:,} are right with {names[0]} only and {of_b:,} with {names[1]} only"
        test = "McNemar's test"
    part = "" if len(a) == len(b) else f" with {seeds} {'seeds' if seeds > 1 else 'seed'} each,"
    return (
        f"On the same {_images(a):,} validation images,{part} {found} "
        f"({test}, {_chance(verdict.by_images)})."
    )


def _of_seeds(
    verdict: Verdict, a: Sequence[Trial], b: Sequence[Trial], names: tuple[str, str]
) -> str:
    if verdict.by_seeds is None:
        whose = "each" if len(a) == len(b) else names[len(b) < len(a)]
        return f"One run of {whose} cannot tell what another seed would change."
    counts = f"{len(a)} seeds each" if len(a) == len(b) else f"{len(a)} and {len(b)} seeds"
    return f"Over {counts}, a t-test has {_chance(verdict.by_seeds)}."


def _chance(probability: float) -> str:
    text = "p < 0.001" if probability < 0.001 else f"p = {probability:.2g}"
    return text.replace(" ", "\N{NO-BREAK SPACE}")


def _mean(trials: Sequence[Trial]) -> float:
    return fmean(trial.accuracy for trial in trials)


def _counts(trials: Sequence[Trial]) -> tuple[int, int]:
    """Return how many images are right, and how many there are, in a trial of this mean."""
    return round(_mean(trials) * _images(trials)), _images(trials)


def _images(trials: Sequence[Trial]) -> int:
    return min(trial.images for trial in trials)


def _as_many(a: Sequence[Trial], b: Sequence[Trial]) -> tuple[Sequence[Trial], Sequence[Trial]]:
    """Return as many trials of A as of B: those of the seeds that both have, or the first ones.

    A share of three seeds is more often below 1 than one of a single seed, whatever the schedule.
    """
    if len(a) == len(b):
        return a, b
    common = {trial.seed for trial in a} & {trial.seed for trial in b}
    if common:
        a, b = ([trial for trial in part if trial.seed in common] for part in (a, b))
    count = min(len(a), len(b))
    return a[:count], b[:count]


def _only(a: Sequence[Trial], b: Sequence[Trial]) -> tuple[int, int] | None:
    """Return the images on which more of A's trials are right, and on which more of B's are.

    None where the trials of A and B have not the same images.
    """
    shares = _shares(a), _shares(b)
    if not shares[0] or shares[0].keys() != shares[1].keys():
        return None
    gaps = [other - shares[0][image] for image, other in shares[1].items()]
    gaps = [gap for gap in gaps if not isclose(gap, 0.0, abs_tol=1e-9)]
    return sum(gap < 0 for gap in gaps), sum(gap > 0 for gap in gaps)


def _shares(trials: Sequence[Trial]) -> dict[str, float]:
    """Return the share of trials that are right on each image; empty if one has no predictions."""
    by_image: defaultdict[str, list[bool]] = defaultdict(list)
    for trial in trials:
        if not trial.right:
            return {}
        for image, right in trial.right.items():
            by_image[image].append(right)
    return {image: fmean(right) for image, right in by_image.items()}


def _by_seeds(a: Sequence[Trial], b: Sequence[Trial]) -> float:
    one, other = ({trial.seed: trial.accuracy for trial in part} for part in (a, b))
    resolution = 1 / min(_images(a), _images(b))
    if one.keys() == other.keys() and len(one) == len(a) == len(b):
        return paired_t([other[seed] - one[seed] for seed in one], resolution)
    of_a, of_b = ([trial.accuracy for trial in part] for part in (a, b))
    return unpaired_t(of_a, of_b, resolution)


def _t_test(mean: float, error: float, freedom: int) -> float:
    if isclose(mean, 0.0, abs_tol=1e-12):
        return 1.0
    return _two_tails(abs(mean) / error if error > 0 else inf, freedom)


def _two_tails(t: float, freedom: int) -> float:
    """Return P(|T| > t) of Student's distribution; Abramowitz and Stegun, 26.7.3 and 26.7.4."""
    angle = atan(t / sqrt(freedom))
    odd = freedom % 2
    term = sin(angle) * (cos(angle) if odd else 1.0)
    terms = 0.0
    for at in range(2 + odd, freedom + 1, 2):
        terms += term
        term *= cos(angle) ** 2 * (at - 1) / at
    inside = 2 / pi * (angle + terms) if odd else terms
    return max(0.0, 1.0 - inside)


def _tail(first: float, ratios: Iterable[float]) -> float:
    """Return the sum of probabilities from the first one on, by the ratio of each to the next."""
    term = total = first
    for ratio in ratios:
        term *= ratio
        total += term
        if term <= total * _NEGLIGIBLE:
            break
    return total


def _fewer_in_first(right_a: int, images_a: int, right_b: int, images_b: int) -> Iterator[float]:
    """Yield the ratios of hypergeometric probabilities as right images move from A to B."""
    for moved in range(min(right_a, images_b - right_b)):
        left, come = right_a - moved, right_b + moved
        yield left * (images_b - come) / ((images_a - left + 1) * (come + 1))


def _log_choose(count: int, taken: int) -> float:
    return lgamma(count + 1) - lgamma(taken + 1) - lgamma(count - taken + 1)

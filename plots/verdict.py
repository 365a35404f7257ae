"""The answer of a comparison in words: a headline, and what stands behind it by question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from regretta.harness.axis import SECONDS, Axis
from regretta.harness.regret import TOLERANCE, final_regret
from regretta.harness.reported import measured, regret_kind
from regretta.harness.result import RunResult
from regretta.plots.answer import Answer, answer
from regretta.plots.axes import human_position
from regretta.plots.friedman import Friedman, final_regrets, friedman_of_runs, signed_rank_test
from regretta.plots.power import MOST_RUNS
from regretta.plots.rank_over_time import expected_ranks
from regretta.plots.report_notes import count
from regretta.plots.statistics import LEVEL, Interval, StatisticsError, fewest_runs
from regretta.plots.style import span
from regretta.plots.tables import percent

Runs = Mapping[str, Sequence[RunResult]]


@dataclass(frozen=True)
class Verdict:
    """What the runs say about the methods.

    Attributes
    ----------
    about
        What it is about: a table, or all of them.
    headline
        Who leads, or that nobody can be said to, in a sentence.
    reasons
        What stands behind it: question and answer.
    """

    about: str
    headline: str
    reasons: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        said = (f"{question}: {text}" for question, text in self.reasons)
        return " ".join([f"{self.about}: {self.headline}", *said])


def verdicts(
    tables: Mapping[str, Runs],
    names: Mapping[str, str],
    planned: Mapping[str, int] | None = None,
    failed: Mapping[str, Mapping[str, int]] | None = None,
    axis: Axis = SECONDS,
) -> list[Verdict]:
    """Who leads on each table, before them on all tables where they are several.

    Parameters
    ----------
    tables
        Table → label → runs.
    names
        What a reader sees, by label.
    planned
        Runs that each label should have on a table; by default those that it has.
    failed
        Table → label → number of runs that failed.
    axis
        What is counted until a method leads.
    """
    found: dict[str, Answer] = {}
    said = []
    for table, group in tables.items():
        there = {label: runs for label, runs in group.items() if len(runs)}
        every = [run for runs in there.values() for run in runs]
        missing = _missing(group, planned or {}, (failed or {}).get(table, {}), names)
        if not any(len(run.trajectory) for run in every):
            words = "No run finished an evaluation, so there is nothing to compare."
        elif len(there) < 2:
            words = "One method only, so there is nothing to compare."
        elif (strange := _contradiction(every)) is not None:
            words = f"The runs are of different {strange}, and are not compared."
        else:
            found[table] = answer(there, axis)
            verdict = _of_table(table, found[table], there, names, axis)
            said.append(Verdict(table, verdict.headline, (*verdict.reasons, *missing)))
            continue
        said.append(Verdict(table, words, missing))
    if len(found) > 1:
        said.insert(0, _over_tables(found, {t: tables[t] for t in found}, names))
    return said


def _contradiction(runs: Sequence[RunResult]) -> str | None:
    """What of the runs should be the same and is not."""
    for what, values in (
        ("tables", {run.table_checksum for run in runs}),
        ("protocols", {repr(run.protocol) for run in runs}),
        ("limits", {(run.time_limit, run.evaluation_limit) for run in runs}),
    ):
        if len(values) > 1:
            return what
    return None


def _missing(
    runs: Runs, planned: Mapping[str, int], failed: Mapping[str, int], names: Mapping[str, str]
) -> tuple[tuple[str, str], ...]:
    """What of the runs is not there, or counts as the worst."""
    parts = []
    done = sum(map(len, runs.values()))
    asked = sum(max(planned.get(label, 0), len(group)) for label, group in runs.items())
    if done < asked:
        parts.append(f"This is not final: {done:,} of {count(asked, 'run')} are there.")
    broken = {label: number for label, number in failed.items() if number}
    if broken:
        shown = _listed([f"{number:,} of {names[label]}" for label, number in broken.items()])
        parts.append(
            f"{count(sum(broken.values()), 'run')} failed ({shown}): what is left out can flatter a"
            " method that fails where it does badly."
        )
    silent = sum(not len(run.trajectory) for group in runs.values() for run in group)
    if silent:
        counts = "it counts" if silent == 1 else "they count"
        parts.append(
            f"{count(silent, 'run')} finished no evaluation: {counts} as the worst, in no mean."
        )
    return (("What is missing", " ".join(parts)),) if parts else ()


# -- one table -------------------------------------------------------------------------------


def _of_table(
    table: str, found: Answer, runs: Runs, names: Mapping[str, str], axis: Axis
) -> Verdict:
    measure = measured(runs)
    counts = [len(group) for group in runs.values()]
    n = f"n = {span(counts)}"
    everyone = "Both methods" if len(runs) == 2 else f"All {len(runs):,} methods"
    if max(found.ranks) - min(found.ranks) < 1e-9:
        return Verdict(
            table, f"{everyone} end alike: they have the same average rank by {measure} ({n})."
        )
    if max(counts) == 1:
        return Verdict(
            table,
            f"{names[found.labels[0]]} ends with the lowest {measure}, by one run of each"
            " method: nothing can be said about how it would do in another.",
        )
    verdict = (_unclear if found.level_with else _clear)(table, found, names, measure, n)
    when = ("From when", _from_when(found, names, axis))
    return Verdict(table, verdict.headline, (when, *verdict.reasons))


def _clear(table: str, found: Answer, names: Mapping[str, str], measure: str, n: str) -> Verdict:
    first, second, others = names[found.labels[0]], names[found.labels[1]], len(found.labels) - 1
    everyone = "the other method" if others == 1 else f"each of the other {others:,} methods"
    worst = max(found.tests, key=lambda test: test.p_holm)
    against = "" if others == 1 else f", at most, against {names[worst.second]},"
    reasons = [
        ("By how much", _margin(found, second, measure)),
        (
            "How sure",
            f"{n} runs a method; {_p(worst.p_holm)}{against} after Holm's correction for"
            f" {count(comb(len(found.labels), 2), 'pair')} (Mann-Whitney U, two-sided).",
        ),
    ]
    if others > 1:
        reasons.append(("What cannot be told", _about_others(found, names)))
    return Verdict(
        table, f"{first} leads: at the end it is better than {everyone}.", tuple(reasons)
    )


def _unclear(table: str, found: Answer, names: Mapping[str, str], measure: str, n: str) -> Verdict:
    first, rival = names[found.labels[0]], names[found.level_with[0]]
    level = _listed([names[label] for label in found.level_with])
    ahead = [t for t in found.others if t.better is not None]
    if not found.behind and found.others and not ahead:
        headline = (
            f"Nobody can be said to lead: {n} cannot tell the {len(found.labels)} methods apart."
        )
    elif found.behind:
        better = _listed([names[label] for label in found.behind])
        headline = (
            f"Nobody leads alone: {n} cannot tell {first}, the first by average rank, from {level};"
            f" it is better than {better}."
        )
    else:
        headline = (
            f"Nobody can be said to lead: {n} cannot tell {first}, the first by average rank, from"
            f" {level}."
        )
    reasons = [
        ("By how much", _margin(found, rival, measure)),
        ("How sure", _how_sure(found, rival)),
        ("Runs needed", _needed(found, rival)),
    ]
    if found.others:
        reasons.append(("What cannot be told", _about_others(found, names)))
    return Verdict(table, headline, tuple(reasons))


def _from_when(found: Answer, names: Mapping[str, str], axis: Axis) -> str:
    """From when the first has had the best rank, and who had before."""
    first, of = names[found.labels[0]], len(found.labels)
    rank = f"{found.ranks[0]:.2f} of {of:,} at the end"
    until = ""
    if np.isfinite(found.until):
        until = f" (until {human_position(found.until, axis)}, where the first run ends)"
    if not np.isfinite(found.since):
        if found.ranks[1] - found.ranks[0] > 1e-9:
            return (
                f"{first} has the best average rank ({rank}), but had it nowhere while all methods"
                f" can be compared by {axis.words}."
            )
        return f"{first} shares the best average rank ({rank}): no method is ahead."
    if found.before is None:
        return f"{first} has had the best average rank ({rank}) from the start{until}."
    return (
        f"{first} has had the best average rank ({rank}) from"
        f" {human_position(found.since, axis)} on{until}; before that {names[found.before]} was as"
        " good or better."
    )


def _margin(found: Answer, other: str, measure: str) -> str:
    """By how much the first is ahead of another method."""
    first = f"A run of it beats one of {other} with probability {found.odds:.2f}."
    if found.gap is None:
        return first
    if found.gap.estimate > TOLERANCE:
        return f"Its mean {measure} is {_points(found.gap)} below that of {other}. {first}"
    return f"Its mean {measure} is no lower than that of {other}. {first}"


def _how_sure(found: Answer, rival: str) -> str:
    """How far the runs are from showing the first ahead of its nearest rival."""
    test = next((t for t in found.tests if t.second == found.level_with[0]), None)
    pairs = comb(len(found.labels), 2)
    text = f"Against {rival} {_p(test.p_holm)} after correction. " if test is not None else ""
    if np.isfinite(found.shown_odds):
        text += (
            f"So many runs would show a probability of {found.shown_odds:.2f} or more, four times"
            " in five."
        )
    else:
        tests = "the test of a pair needs" if pairs == 1 else f"tests of {pairs:,} pairs need"
        text += f"So few runs could hardly show any: {tests} {fewest_runs(pairs)} at the least."
    if found.gap is not None and found.gap.low > TOLERANCE:
        text += (
            " The interval of the means excludes zero all the same: a few bad runs weigh on a mean,"
            " and hardly on the order."
        )
    return text


def _needed(found: Answer, rival: str) -> str:
    seen = f"a run of it beating one of {rival} with probability {found.odds:.2f}"
    if found.gap is not None and found.gap.estimate > TOLERANCE:
        seen = f"{percent(found.gap.estimate)} percentage points, and {seen}"
    if found.needed > MOST_RUNS:
        return f"No practical number of runs would show what is seen ({seen})."
    return (
        f"About {_round(found.needed):,} a method to show what is seen ({seen}), four times in"
        " five."
    )


def _about_others(found: Answer, names: Mapping[str, str]) -> str:
    """Which methods behind the first cannot be told from each other."""
    if not found.others:
        return f"Who is better among the others: {len(found.labels):,} are too many for all pairs."
    level = [t for t in found.others if t.better is None]
    single = comb(len(found.labels) - 1, 2) - len(found.others)
    if single:
        return (
            f"Of the others, {count(len(level), 'pair')} of {len(found.others)} tested; single runs"
            " are not tested with each other."
        )
    if not level:
        return "Nothing among the others: each is told from each."
    if len(level) == len(found.others) and len(level) > 1:
        return "Who is better among the others: no two of them are told apart."
    shown = _listed([f"{names[t.first]} from {names[t.second]}" for t in level], 4, "more pairs")
    if len(level) == len(found.others):
        return f"Among the others: {shown}."
    return f"Of the other {count(len(found.others), 'pair')} {len(level)}: {shown}."


# -- several tables --------------------------------------------------------------------------


def _over_tables(
    found: Mapping[str, Answer], tables: Mapping[str, Runs], names: Mapping[str, str]
) -> Verdict:
    about = f"Over {len(tables)} tables"
    labels = [label for label in names if all(tables[t].get(label) for t in tables)]
    if len(labels) < 2:
        words = "Fewer than two methods have runs on every table, so there is nothing to compare."
        return Verdict(about, words)
    shared = {t: {label: group[label] for label in labels} for t, group in tables.items()}
    kind = regret_kind(*shared.values())
    finals = [[final_regret(runs, kind) for runs in group.values()] for group in shared.values()]
    ranks = np.mean([expected_ranks(values) for values in finals], axis=0)
    best = int(np.argmin(np.round(ranks, 9)))
    one = f"{names[labels[best]]} has the best average rank at the end"
    if np.ptp(ranks) < 1e-9:
        one = "All methods have the same average rank at the end"
    told = False
    try:
        if len(labels) == 2:
            told, general = _by_signed_ranks(*signed_rank_test(final_regrets(shared)), names)
        else:
            told, general = _by_friedman(friedman_of_runs(shared), names)
    except StatisticsError as error:
        test = "Wilcoxon's signed-rank test" if len(labels) == 2 else "Friedman's test"
        general = f"Nothing can be said about tables in general by {test}: {error}."
    leads = Counter(a.labels[0] for a in found.values() if not a.level_with and _ahead(a))
    shown = [f"{names[label]} on {number}" for label, number in leads.most_common()]
    rest = len(tables) - leads.total()
    if rest:
        shown.append(f"nobody on {rest}" if shown else f"nobody on any of the {rest}")
    one = f"{one} ({ranks[best]:.2f} of {len(labels)})"
    if not leads and not told:
        one = f"Nobody is shown to lead. {one}"
    return Verdict(
        about,
        f"{one}.",
        (("Shown to lead", f"{', '.join(shown)}."), ("In general", general)),
    )


def _ahead(found: Answer) -> bool:
    return max(found.ranks) - min(found.ranks) >= 1e-9


def _by_signed_ranks(better: str, p: float, names: Mapping[str, str]) -> tuple[bool, str]:
    """Whether one of two methods is better over tables, and the words."""
    test = "Wilcoxon's signed-rank test"
    if p < LEVEL:
        return True, f"Over tables {names[better]} is better by {test} ({_p(p)})."
    return False, f"Over tables {test} shows no difference ({_p(p)})."


def _by_friedman(found: Friedman, names: Mapping[str, str]) -> tuple[bool, str]:
    """Whether the first of more methods is told from any other over tables, and the words."""
    first, last = found.groups[0] if found.groups else (0, 0)
    level = [names[label] for label in found.labels[1 : last + 1]] if first == 0 else []
    behind = [names[label] for label in found.labels[len(level) + 1 :]]
    best, p = names[found.labels[0]], f"F = {found.f:.3g}, {_p(found.p)}"
    test = "Friedman's test with Nemenyi's"
    if not behind:
        return False, f"{test} tells {best} from no other method ({p})."
    rest = f", but not from {_listed(level)}" if level else ""
    return True, f"{test} tells {best} from {_listed(behind)}{rest} ({p})."


def _points(gap: Interval) -> str:
    bounds = f" [{percent(gap.low)}, {percent(gap.high)}]" if np.isfinite(gap.low) else ""
    return f"{percent(gap.estimate)}{bounds} percentage points"


def _round(runs: int) -> int:
    """A number of runs with two digits, rounded up."""
    unit = int(10 ** max(len(str(runs)) - 2, 0))
    return -(-runs // unit) * unit


def _p(value: float) -> str:
    return "p < 0.0001" if value < 1e-4 else f"p = {value:.2g}"


def _listed(names: Sequence[str], most: int = 6, more: str = "others") -> str:
    shown = list(names[:most])
    if len(names) > most:
        shown.append(f"{len(names) - most:,} {more}")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"

"""Our comparator and others on the very same pairs of tables: who is wrong, and how.

    python -m pip install -e '.[peers]'         # in an environment of its own: datacompy holds pandas back
    python tests/benchmarks/comparators.py      # writes the tables of docs/comparator.md

The pairs and their right answers are those of `tests/comparator/test_pairs.py`. A comparator is wrong if it calls
tables equal that differ ("false equal") or the other way round ("false different"). One that raises something other
than a difference has no answer (an error). Pairs that it has no way to express are not put to it, and counted.
"""

from __future__ import annotations

import argparse
import enum
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.comparator_peers import CannotLoadError, Need, Peer, all_peers, needs
from support.compare_pairs import Pair, all_pairs

DOCUMENT = Path(__file__).parents[2] / "docs" / "comparator.md"
BEGIN, END = "<!-- written by tests/benchmarks/comparators.py -->\n", "<!-- end -->"


class Outcome(enum.Enum):
    """How a comparator did on one pair."""

    RIGHT = "right"
    FALSE_EQUAL = "false equal"
    FALSE_DIFFERENT = "false different"
    ERROR = "error"
    NOT_ASKED = "not asked"


WRONG = (Outcome.FALSE_EQUAL, Outcome.FALSE_DIFFERENT, Outcome.ERROR)


@dataclass(frozen=True)
class HarnessResponse:
    """What one comparator said to each pair, and how long all of it took."""

    peer: Peer
    outcomes: list[tuple[Pair, Outcome]]
    seconds: float

    def count(self, outcome: Outcome) -> int:
        """Pairs with this outcome."""
        return sum(found is outcome for _, found in self.outcomes)

    def names(self, outcome: Outcome) -> dict[str, list[str]]:
        """The names of the pairs with this outcome, by group."""
        by_group: dict[str, list[str]] = {}
        for pair, found in self.outcomes:
            if found is outcome:
                by_group.setdefault(pair.group, []).append(pair.name)
        return by_group


def main() -> None:
    options = parse()
    warnings.simplefilter("ignore")
    pairs = [(pair, needs(pair)) for pair in all_pairs()]
    found = []
    for peer in all_peers():
        if options.only and options.only not in peer.name:
            continue
        answers = ask(peer, pairs)
        found.append(answers)
        print(f"{summary(answers)}  {answers.seconds:.0f} s", flush=True)
    if not options.only:
        write("\n".join([*pair_table(pairs), "", *answer_table(found), "", *example_table(found), ""]))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="comparators with this in their name; prints and writes nothing")
    return parser.parse_args()


def ask(peer: Peer, pairs: Sequence[tuple[Pair, frozenset[Need]]]) -> HarnessResponse:
    start = time.perf_counter()
    outcomes = [(pair, Outcome.NOT_ASKED if needed & peer.lacks else outcome(peer, pair)) for pair, needed in pairs]
    return HarnessResponse(peer, outcomes, time.perf_counter() - start)


def outcome(peer: Peer, pair: Pair) -> Outcome:
    try:
        differs = peer.differs(pair)
    except CannotLoadError:
        return Outcome.NOT_ASKED
    except Exception:  # noqa: BLE001  whatever it raises, it has no answer
        return Outcome.ERROR
    if differs == bool(pair.differs_in):
        return Outcome.RIGHT
    return Outcome.FALSE_DIFFERENT if differs else Outcome.FALSE_EQUAL


def summary(answers: HarnessResponse) -> str:
    counts = ", ".join(f"{answers.count(found)} {found.value}" for found in Outcome)
    return f"{answers.peer}: {counts}"


def pair_table(pairs: Sequence[tuple[Pair, frozenset[Need]]]) -> Iterator[str]:
    total = Counter(pair.group for pair, _ in pairs)
    equal = Counter(pair.group for pair, _ in pairs if not pair.differs_in)
    yield "| pairs | equal | different | together |"
    yield "|---|--:|--:|--:|"
    for group, count in total.items():
        yield f"| {group} | {equal[group]} | {count - equal[group]} | {count} |"
    yield f"| **all** | {equal.total()} | {total.total() - equal.total()} | **{total.total()}** |"


def answer_table(found: Sequence[HarnessResponse]) -> Iterator[str]:
    yield "| comparator | asked | false equal | false different | errors | not asked |"
    yield "|---|--:|--:|--:|--:|--:|"
    for answers in found:
        skipped = answers.count(Outcome.NOT_ASKED)
        wrong = " | ".join(str(answers.count(kind)) for kind in WRONG)
        yield f"| {answers.peer} | {len(answers.outcomes) - skipped} | {wrong} | {skipped} |"


def example_table(found: Sequence[HarnessResponse]) -> Iterator[str]:
    yield "| comparator | wrong | in group (pairs): the first |"
    yield "|---|---|---|"
    for answers in found:
        for kind in WRONG:
            groups = answers.names(kind).items()
            shown = "; ".join(f"{group} ({len(names)}): `{names[0]}`" for group, names in groups)
            if shown:
                escaped = shown.replace("|", "\\|").replace("\n", " ")
                yield f"| {answers.peer.name} | {kind.value} | {escaped} |"


def write(tables: str) -> None:
    """Put the tables where the document says that they belong."""
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{tables}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()

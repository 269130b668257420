"""The table of presets: made by real runs, resumed where it stopped, and honest about its seeds."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from core import presets
from tests.benchmarks.presets import (
    Measured,
    cli,
    digest_of,
    read,
    schedule_of,
    settings_of,
    table,
)

pytestmark = pytest.mark.thorough


def test_a_quick_table_is_made_and_then_only_read_again(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    told = ["--quick", "--preset", "head-only", "--preset", "chain-thaw", "--results", str(results)]
    first = CliRunner().invoke(cli, told)
    assert first.exit_code == 0, first.output
    assert first.stderr.splitlines() == ["head-only, seed 0", "chain-thaw, seed 0"]
    assert first.stdout.startswith("| preset | epochs | accuracy |")
    assert "| `chain-thaw` | 2 |" in first.stdout
    written = results.read_text()
    again = CliRunner().invoke(cli, told)
    assert (again.stdout, again.stderr) == (first.stdout, "")
    assert results.read_text() == written
    assert {each.preset for each in read(results)} == {"head-only", "chain-thaw"}


def test_a_run_of_other_length_or_settings_is_another_run() -> None:
    one = digest_of(schedule_of("ulmfit", 8), settings_of(0, quick=False))
    assert one != digest_of(schedule_of("ulmfit", 9), settings_of(0, quick=False))
    assert one != digest_of(schedule_of("ulmfit", 8), settings_of(1, quick=False))


def test_the_best_mean_comes_first_and_the_spread_is_told() -> None:
    def runs(name: str, *accuracies: float) -> list[Measured]:
        return [
            Measured(name, seed, "", accuracy, accuracy, 10.0 + seed, 0.1)
            for seed, accuracy in enumerate(accuracies)
        ]

    rows = {
        "gradual": runs("gradual", 0.8, 0.9, 0.7),
        "ulmfit": runs("ulmfit", 0.84, 0.82, 0.86),
    }
    schedules = {name: presets.load(name) for name in rows}
    lines = list(table(schedules, rows, settings_of(0, quick=False)))
    assert lines[2] == "| `ulmfit` | 11 | 0.840 | 0.820 to 0.860 | 10 |"
    assert lines[3] == "| `gradual` | 6 | 0.800 | 0.700 to 0.900 | 10 |"
    assert "seeds 0, 1, 2; mean accuracy" in lines[-1]
    assert lines[-1].endswith("Always the commonest class: 0.100.")

"""The schedules and records that can be compared, and the two to four in slots A to D."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from core import library, presets
from core.compare.comparable import Comparable
from core.compare.verdict import Trial
from core.errors import InputError
from core.models.layer_table import LayerTable
from core.records.model import Record
from core.runs import label, run_folder
from core.runs.description import conditions, describe
from core.runs.processes import launch
from core.runs.repeats import repeats
from core.runs.settings import RunSettings, planned_steps
from pages.components.shared import library_session, session, visible_runs
from pages.components.shared.data_preview import train_images
from pages.components.shared.fields import unique_labels
from pages.components.shared.state import NOW, current

LETTERS = "ABCD"
_MAX_RUNS = 30


@dataclass(frozen=True, slots=True)
class Slot:
    """A schedule or record that is compared, with its source and the settings of its run.

    `run` is the run's folder; for a schedule, a finished run of it with these settings, or None.
    `trials` are the results of all its finished runs with them, by seed. A record has neither.
    """

    letter: str
    source: str
    plan: Comparable
    about: str
    settings: RunSettings
    run: Path | None = None
    trials: tuple[Trial, ...] = ()

    @property
    def table(self) -> LayerTable | None:
        """The layer table of the model, with heads for the classes of the data, as in Design.

        None where there is no table, and for a record, which knows no model's name.
        """
        if isinstance(self.plan, Record):
            return None
        return session.table_of(self.plan.model.name, self.settings.data)

    @property
    def steps_per_epoch(self) -> int:
        """The steps per epoch at which rates are drawn."""
        if isinstance(self.plan, Record):
            return self.plan.steps_per_epoch
        return planned_steps(self.settings, train_images(self.settings))


def sources() -> Mapping[str, str]:
    """Return the label of everything that can be put into a slot, by its source."""
    found = {NOW: f"{session.schedule().name} · now in Design"}
    brought = current().compare.brought
    found |= {source: f"{plan.name} · {kind}" for source, (kind, plan) in brought.items()}
    found |= {
        f"library:{entry.file}": f"{entry.name} · library" for entry in library_session.entries()
    }
    for run in _runs():
        description = describe(run)
        if description.data:  # else its folder is damaged
            found[f"run:{run.name}"] = f"{description.name} · {description.line}"
    found |= {
        f"preset:{name}": f"{presets.by_name(name).title} · preset" for name in presets.in_order()
    }
    return unique_labels(found)


def put(source: str, place: int | None = None) -> None:
    """Put a source into a slot.

    Without a place, one that is in no slot yet goes into the first that is free, or into the last.
    """
    now = current().compare.slots
    if place is None and source in now:
        return
    place = min(len(now), len(LETTERS) - 1) if place is None else place
    current().compare.slots = [*now[:place], source, *now[place + 1 :]]


def take_out(place: int) -> None:
    """Empty a slot, and move those behind it up."""
    now = current().compare.slots
    current().compare.slots = [*now[:place], *now[place + 1 :]] or [NOW]


def swap() -> None:
    """Let A and B change places."""
    a, b, *others = current().compare.slots
    current().compare.slots = [b, a, *others]


def rename_source(source: str, new: str) -> None:
    """Rename a source in every slot."""
    current().compare.slots = [new if each == source else each for each in current().compare.slots]


def remove_source(source: str) -> None:
    """Take a source out of every slot."""
    current().compare.slots = [each for each in current().compare.slots if each != source] or [NOW]


def bring(kind: str, plan: Comparable) -> None:
    """Put a schedule or a record from a file or a link into a slot."""
    mine = current().compare
    source = f"own:{len(mine.brought)}"
    mine.brought = {**mine.brought, source: (kind, plan)}
    put(source)


def slots() -> tuple[Slot, ...]:
    """Return what is compared. A source that is gone leaves its slot, with a notice."""
    found: list[Slot] = []
    gone: list[tuple[str, str]] = []
    settings, runs = _settings(), _own_runs()
    for source in current().compare.slots:
        try:
            found.append(_with_trials(_slot(LETTERS[len(found)], source, settings), runs))
        except InputError as error:
            gone.append((source, str(error)))
    if gone:
        lost = {source for source, _ in gone}
        kept = [source for source in current().compare.slots if source not in lost]
        current().compare.slots = kept or [NOW]
        session.notice(f"Taken out of the comparison: {gone[0][1]}")
        return slots()
    return tuple(found)


def _settings() -> RunSettings:
    """Return the settings of the first run that is compared, so that others match it; or of Run."""
    for source in current().compare.slots:
        if source.startswith("run:"):
            with suppress(InputError):
                run = run_folder.find_run(launch.runs_folder(), source.removeprefix("run:"))
                return run_folder.read(run)[1]
    return session.settings()


def _with_trials(slot: Slot, runs: Sequence[Path]) -> Slot:
    """Return the slot with its trials, and with a run if it has none itself."""
    if isinstance(slot.plan, Record):
        return slot
    own = () if slot.run is None else (slot.run,)
    found = repeats((*own, *runs), slot.plan, slot.settings)
    trials = tuple(trial for _, trial in found.values())
    if slot.run is not None or not found:
        return replace(slot, trials=trials)
    seed = slot.settings.seed if slot.settings.seed in found else next(iter(found))
    settings = slot.settings.model_copy(update={"seed": seed})
    return replace(slot, settings=settings, run=found[seed][0], trials=trials)


def _slot(letter: str, source: str, settings: RunSettings) -> Slot:
    kind, _, name = source.partition(":")
    match kind:
        case "preset":
            return Slot(letter, source, session.preset_for_model(name), "preset", settings)
        case "library":
            shelves = library_session.folder()
            if shelves is None:
                raise InputError("library", "is not there", "it is off in the hosted demo")
            return Slot(letter, source, library.load(shelves, name).schedule, "library", settings)
        case "run":
            run = run_folder.find_run(launch.runs_folder(), name)
            schedule, settings = run_folder.read(run)
            own = label.read(run).name
            texts = [value for _, value in conditions(run, settings)]
            about = "; ".join([f"run “{own}”" if own else "run", *texts])
            return Slot(letter, source, schedule, about, settings, run)
        case "own":
            origin, plan = current().compare.brought[source]
            return Slot(letter, source, plan, origin, settings)
    return Slot(letter, source, session.schedule(), "now in Design", settings)


def _own_runs() -> tuple[Path, ...]:
    try:
        return visible_runs.runs(launch.runs_folder())
    except InputError:
        return ()


def _runs() -> Iterator[Path]:
    held = set(current().compare.slots)
    for at, run in enumerate(_own_runs()):
        if at < _MAX_RUNS or f"run:{run.name}" in held:
            yield run

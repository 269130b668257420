"""A schedule for finetuning-scheduler: phases in YAML, and the Lightning code that goes with them.

Its phases thaw parameters and give each phase one rate. Lightning code sets the rates of every
step, and holds still what is frozen.
"""

from __future__ import annotations

from itertools import groupby, pairwise

from core.export.exported import FILE, Exported, Limitation, Source
from core.export.python import freezing, table
from core.export.python.file import python_file
from core.export.python.quoting import comment
from core.schedule import curves, plan, words
from core.schedule.spec import Group, Schedule

_CLASSES = '''\
def make_optimizer(model):
    """For the first phase: finetuning-scheduler adds a param group for each of the others."""
    groups = [
        {{"params": [p for p in parameters(model, group) if p.requires_grad], "lr": group["peak"]}}
        for group in GROUPS
        if trains(group, 0)
    ]
    return {optimizer}


def read_phases(file, model):
    """The phases of the file, without what the model itself keeps constant: they would thaw it."""
    check(model)
    names = []
    for name, parameter in model.named_parameters():
        parameter.frozen = may_train(parameter)  # as it soon will be
        if parameter.frozen:
            names.append(f"model.{{name}}")
    phases = yaml.safe_load(Path(file).read_text(encoding="utf-8"))
    for phase in phases.values():
        paths = re.compile("|".join(phase["params"]))
        phase["params"] = [name for name in names if paths.match(name)]
    return phases


class Rates(pl.Callback):
    """The rate of every step, and what holds still, which the phases cannot say."""

    def __init__(self, model):
        self.model = model
        self.groups = {{id(p): group for group in GROUPS for p in parameters(model, group)}}

    def on_train_start(self, trainer, pl_module):
        self.on_train_epoch_start(trainer, pl_module)  # for a run that resumes within an epoch

    def on_train_epoch_start(self, trainer, pl_module):
        self.model.train()
        hold(self.model, trainer.current_epoch)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        steps_per_epoch = math.ceil(trainer.num_training_batches / trainer.accumulate_grad_batches)
        t = time(trainer.global_step, steps_per_epoch)
        for param_group in trainer.optimizers[0].param_groups:
            param_group["lr"] = rate(self.groups[id(param_group["params"][0])], t)


class Classifier(pl.LightningModule):
    def __init__(self, model):
        super().__init__()
        self.model = model  # "model" begins every path of the phases

    def configure_optimizers(self):
        return make_optimizer(self.model)

    ...  # training_step, and validation_step with self.log("val_loss", ...)


def make_trainer(model, phases={file}, folder=None):
    return pl.Trainer(
        max_epochs=EPOCHS,{devices}
        default_root_dir=folder,
        callbacks=[
            FinetuningScheduler(
                read_phases(phases, model), epoch_transitions_only=True, restore_best=False
            ),
            FTSCheckpoint(monitor="val_loss"),
            Rates(model),
        ],
    )'''


_ONE_PROCESS = """
        devices=1,  # with several, gradients of what thaws later would not be exchanged"""


def export(source: Source) -> Exported:
    """Return the phases as YAML; `usage` is the Lightning code."""
    schedule = said(source.schedule)
    return Exported(
        _yaml(schedule),
        limitations=limitations(source.schedule),
        kept="which epoch thaws what; with the Lightning code below also the rate of every step, "
        "and what holds still when frozen",
        usage=_lightning(Source(schedule, source.steps_per_epoch, source.table)),
    )


def said(schedule: Schedule) -> Schedule:
    """The schedule as finetuning-scheduler runs it: each group thaws once, each phase at one rate.

    The first phase is an exception, since the optimizer that it begins with is one's own.
    """
    lowest = {
        start: min(curves.scale(schedule, group) for group in groups)
        for start, groups in _phases(schedule)
        if start > 0
    }
    return schedule.model_copy(
        update={"groups": tuple(_said(schedule, group, lowest) for group in schedule.groups)}
    )


def limitations(schedule: Schedule) -> tuple[Limitation, ...]:
    """Return what `said` changes, and what the YAML leaves to the Lightning code."""
    found = [
        Limitation(
            "lr",
            "in the file a phase has one rate, and the first phase has none",
            "curves, first rates and the optimizer are in the Lightning code that goes with it "
            "(on the command line: --out F --usage), which also leaves out what the model itself "
            "keeps constant",
        )
    ]
    if _thaws_later(schedule):
        found.append(
            Limitation(
                "groups",
                "in several processes finetuning-scheduler does not exchange gradients of what "
                "thaws after the first epoch",
                "the Lightning code trains in one process",
            )
        )
    others = said(schedule)
    for place, (group, other) in enumerate(zip(schedule.groups, others.groups, strict=True)):
        thaws = plan.open_spans(group, schedule.epochs)
        if thaws != plan.open_spans(other, schedule.epochs):
            found.append(
                Limitation(
                    f"groups[{place}].trainable",
                    "finetuning-scheduler cannot freeze a group again",
                    f"{group.name} trains from epoch {thaws[0][0]} to the end",
                )
            )
        due, has = curves.peak(schedule, group), curves.peak(others, other)
        if thaws and curves.relative_error(has, due) > curves.RATES_EQUAL:
            found.append(
                Limitation(
                    f"groups[{place}].lr_scale" if group.lr_scale else "lr.group_decay",
                    "groups that thaw together after the first epoch share a rate",
                    f"{group.name} peaks at {words.rate(has)} instead of {words.rate(due)}",
                )
            )
    return tuple(found)


def _said(schedule: Schedule, group: Group, lowest: dict[int, float]) -> Group:
    thaws = plan.open_spans(group, schedule.epochs)
    if not thaws:
        return group.model_copy(update={"trainable": ()})
    start = thaws[0][0]
    update: dict[str, object] = {"trainable": ((start, None),)}
    if lowest.get(start, curves.scale(schedule, group)) != curves.scale(schedule, group):
        update["lr_scale"] = lowest[start]
    return group.model_copy(update=update)


def _phases(schedule: Schedule) -> list[tuple[int, list[Group]]]:
    """Return the epochs in which something thaws for the first time, and what does."""
    thaws = [
        (spans[0][0], place, group)
        for place, group in enumerate(schedule.groups)
        if (spans := plan.open_spans(group, schedule.epochs))
    ]
    thaws.sort(key=lambda thaw: thaw[:2])
    return [
        (start, [group for *_, group in found])
        for start, found in groupby(thaws, key=lambda thaw: thaw[0])
    ]


def _thaws_later(schedule: Schedule) -> bool:
    return any(start > 0 for start, _ in _phases(schedule))


def _yaml(schedule: Schedule) -> str:
    phases = _phases(schedule)
    starts = [start for start, _ in phases]
    lines = [table.heading(schedule)]
    for depth, ((start, groups), (_, end)) in enumerate(
        zip(phases, pairwise([*starts, schedule.epochs]), strict=True)
    ):
        lines += [f"{depth}:  # from epoch {start}", "  params:"]
        for group in groups:
            lines.append(f"    # {comment(group.name)}")
            lines += [f"    - '{pattern(path)}'" for path in group.modules]
        lines.append(f"  max_transition_epoch: {end}")
        if depth > 0:
            lines.append(f"  lr: {_number(curves.peak(schedule, groups[0]))}")
    return "\n".join(lines) + "\n"


def pattern(path: str) -> str:
    """A regular expression for the parameters below a path of the LightningModule's `model`."""
    return f"model.{path}".replace(".", r"\.") + r"(\.|$)"


def _number(value: float) -> str:
    """Return the number as YAML 1.1 reads it: with a dot, or it would be text."""
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")


def _lightning(source: Source) -> str:
    made = table.optimizer(source.schedule, "groups")
    return python_file(
        source,
        [
            "import lightning.pytorch as pl",
            "import yaml",
            "from finetuning_scheduler import FinetuningScheduler, FTSCheckpoint",
        ],
        freezing.holding(source),
        _CLASSES.format(
            optimizer=made,
            file=FILE,
            devices=_ONE_PROCESS if _thaws_later(source.schedule) else "",
        ),
    )

"""Groups of a model, and who of them trains, as the few lines of Python that a schedule needs.

A frozen parameter has no gradient at all, so that the optimizer leaves it alone, and a frozen
module is in eval mode, so that BatchNorm and dropout hold still too. What the model itself has
without gradients, such as the base of a LoRA adapter, never gets any. A path that the model does
not have raises AttributeError there: an unknown name must not pass for an empty group.
"""

from __future__ import annotations

from core.export.exported import Source
from core.models.layer_table import parameter_counts
from core.schedule.spec import Schedule

_MODULES = '''\
def modules(model, group):
    """The modules of a group."""
    return [model.get_submodule(path) for path in group["parts"]]


def parameters(model, group):
    """The parameters of a group, each once."""
    found = {id(p): p for module in modules(model, group) for p in module.parameters()}
    return list(found.values())'''

_MODULES_AND_PARAMETERS = '''\
def parts(model, group):
    """The modules of a group, and the parameters that it names by themselves."""
    return [attrgetter(path)(model) for path in group["parts"]]


def modules(model, group):
    """The modules of a group."""
    return [part for part in parts(model, group) if isinstance(part, nn.Module)]


def parameters(model, group):
    """The parameters of a group, each once."""
    named = [part for part in parts(model, group) if isinstance(part, nn.Parameter)]
    held = [p for module in modules(model, group) for p in module.parameters()]
    return list({id(p): p for p in named + held}.values())'''

_TRAINS = '''\
def trains(group, epoch):
    """Whether a group trains in that epoch, counted from 0."""
    windows = group["trains"]
    return any(start <= epoch and (end is None or epoch < end) for start, end in windows)'''

_MAY_TRAIN = '''\
def may_train(parameter):
    """Tell what has gradients, or had them before it was frozen, from what is constant."""
    return parameter.requires_grad or getattr(parameter, "frozen", False)


def check(model):
    """Refuse a model that has groups without gradients which are to train."""
    for group in GROUPS:
        if group["trains"] and not any(map(may_train, parameters(model, group))):
            raise ValueError(f"all of {group['name']} has requires_grad=False, yet is to train")'''

_FREEZE = """\
    check(model)
    for group in GROUPS:
        for parameter in parameters(model, group):
            trained = may_train(parameter)
            parameter.frozen = trained and not trains(group, epoch)
            parameter.requires_grad_(trained and trains(group, epoch))
            if not parameter.requires_grad:
                parameter.grad = None  # else the optimizer would keep moving it"""

_HOLD = """\
        if not trains(group, epoch){unless}:
            for module in modules(model, group):
                module.eval()  # else BatchNorm and dropout would stay active"""

_KEEP_STATISTICS = """\
        if group.get("batchnorm") == "eval":  # it keeps its pretrained statistics
            for module in modules(model, group):
                for part in module.modules():
                    if isinstance(part, nn.modules.batchnorm._BatchNorm):
                        part.eval()"""


def groups(source: Source) -> str:
    """Return the functions `modules(model, group)` and `parameters(model, group)`."""
    return _MODULES_AND_PARAMETERS if has_bare_parameters(source) else _MODULES


def freezing(source: Source) -> str:
    """The functions `trains(group, epoch)`, `may_train(parameter)` and `freeze(model, epoch)`.

    `freeze` raises ValueError where all of a group that is to train is constant.
    """
    held = _held(source.schedule)
    when = "after model.train()" if held else "as it begins"
    said = f'    """Groups of that epoch train, others hold still: call it every epoch, {when}."""'
    freeze = "\n".join(["def freeze(model, epoch):", said, _FREEZE, *held])
    return "\n\n\n".join([_TRAINS, _MAY_TRAIN, freeze])


def holding(source: Source) -> str:
    """Return the functions `trains`, `may_train`, `check(model)`, and `hold(model, epoch)`.

    For a trainer that freezes parameters by itself: `hold` leaves gradients alone.
    """
    held = _held(source.schedule)
    said = '    """What is frozen holds still: call it in every epoch, after model.train()."""'
    nothing = "    pass  # frozen groups stay in train mode"
    body = ["    for group in GROUPS:", *held] if held else [nothing]
    hold = "\n".join(["def hold(model, epoch):", said, *body])
    return "\n\n\n".join([_TRAINS, _MAY_TRAIN, hold])


def _held(schedule: Schedule) -> list[str]:
    """Return the lines, for a `group`, that put into eval mode what holds still."""
    moves = [group.when_frozen == "train" for group in schedule.groups]
    lines = []
    if not all(moves):
        unless = ' and group.get("when_frozen") != "train"' if any(moves) else ""
        lines.append(_HOLD.format(unless=unless))
    if any(group.batchnorm == "eval" for group in schedule.groups):
        lines.append(_KEEP_STATISTICS)
    return lines


def has_bare_parameters(source: Source) -> bool:
    """Return whether a group may name a parameter by itself, such as `cls_token`."""
    if source.table is None:
        return True
    known = parameter_counts(source.table)
    return any(path in known for group in source.schedule.groups for path in group.modules)

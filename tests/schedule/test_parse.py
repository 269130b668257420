from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError, ScheduleError
from core.schedule import parse
from core.schedule.optimizers import OPTIMIZERS
from core.schedule.shapes import DECAYS
from core.schedule.spec import Schedule
from tests.schedule.strategies import documents, schedules

OPTIMIZER_NAMES, SHAPE_NAMES = (", ".join(sorted(kinds)) for kinds in (OPTIMIZERS, DECAYS))

GOLDEN = Path(__file__).parent / "golden"

DOCUMENT: dict[str, Any] = {
    "format": "thaw.schedule",
    "version": 1,
    "name": "Two groups",
    "model": {"name": "torchvision/resnet18", "weights": "IMAGENET1K_V1"},
    "epochs": 8,
    "optimizer": {"name": "adam", "base_lr": 0.001},
    "lr": {
        "group_decay": 0.1,
        "warmup": {"epochs": 1, "start_factor": 0.1, "shape": "linear"},
        "decay": {"shape": "cosine", "floor": {"factor": 0.0}},
    },
    "groups": [
        {"name": "body", "modules": ["conv1", "layer4"], "trainable": [[2, 4], [6, None]]},
        {"name": "head", "modules": ["fc"], "trainable": [[0, None]]},
    ],
}
GONE = object()
"""In place of a value: the key is left out."""

ENDLESS = float("inf")
"""In place of a value: the JSON has 1e999, which is no finite number."""


def changed(*path: str | int, to: Any) -> dict[str, Any]:
    """The document with another value at a path."""
    document = copy.deepcopy(DOCUMENT)
    part: Any = document
    for key in path[:-1]:
        part = part[key]
    if to is GONE:
        del part[path[-1]]
    else:
        part[path[-1]] = to
    return document


def json_of(document: dict[str, Any]) -> str:
    return json.dumps(document).replace("Infinity", "1e999")


def refusal(document: str | bytes | dict[str, Any]) -> ScheduleError:
    text = json_of(document) if isinstance(document, dict) else document
    with pytest.raises(ScheduleError) as caught:
        parse.parse(text)
    return caught.value


def at(*path: str | int, to: Any, says: str) -> Any:
    """A row: one field changed, and the one message that it gets."""
    shown = ".".join(map(str, path)) + f"={'gone' if to is GONE else ascii(to)[:20]}"
    return pytest.param(changed(*path, to=to), says, id=shown)


NOT_A_DOCUMENT = [
    pytest.param(text, says, id=name)
    for name, text, says in (
        (
            "nothing",
            "",
            "the document is empty: save a schedule as JSON on the Design page",
        ),
        (
            "blanks",
            b" \n\t ",
            "the document is empty: save a schedule as JSON on the Design page",
        ),
        (
            "only a BOM",
            b"\xef\xbb\xbf",
            "the document is empty: save a schedule as JSON on the Design page",
        ),
        (
            "an open brace",
            "{",
            "line 1, column 2 is not JSON (Expecting property name enclosed in double quotes): "
            "fix it there",
        ),
        (
            "single quotes",
            "{'format': 1}",
            "line 1, column 2 is not JSON (Expecting property name enclosed in double quotes): "
            "fix it there",
        ),
        ("two documents", "{}\n{}", "line 2, column 1 is not JSON (Extra data): fix it there"),
        (
            "two BOMs",
            "\ufeff\ufeff{}",
            "line 1, column 1 is not JSON (Unexpected UTF-8 BOM (decode using utf-8-sig)): "
            "fix it there",
        ),
        (
            "a line break in a text",
            '{"name": "a\nb"}',
            "line 1, column 12 is not JSON (Invalid control character at): fix it there",
        ),
        ("null", "null", "the document is null, not an object: start it with {"),
        ("a number", "7", "the document is 7, not an object: start it with {"),
        ("a text", '"a"', "the document is 'a', not an object: start it with {"),
        ("a list", "[1, true]", "the document is [1, true], not an object: start it with {"),
        (
            "half a character in a list",
            '["\\ud800"]',
            'the document is ["\\ud800"], not an object: start it with {',
        ),
        ("NaN", '{"a": NaN}', "line 1, column 7 is NaN: write a finite number"),
        ("Infinity", '{"a": Infinity}', "line 1, column 7 is Infinity: write a finite number"),
        ("-Infinity", '{"a": -Infinity}', "line 1, column 7 is -Infinity: write a finite number"),
        (
            "5,000 digits",
            '{"a": ' + "1" * 5_000 + "}",
            "line 1, column 7 is a number of thousands of digits: shorten it",
        ),
        (
            "nested 17 deep",
            "[" * 17 + "]" * 17,
            "line 1, column 17 is nested over 16 levels deep: a schedule needs 5",
        ),
        (
            "nested 100,000 deep",
            '{"a":' * 100_000,
            "the document has 500,000 bytes: a schedule has at most 262,144",
        ),
        (
            "over 256 KiB",
            b" " * (256 * 1024 + 1),
            "the document has 262,145 bytes: a schedule has at most 262,144",
        ),
        (
            "over 256 KiB in bytes, not in characters",
            '"' + "é" * 140_000 + '"',
            "the document has 280,002 bytes: a schedule has at most 262,144",
        ),
        (
            "Latin-1",
            '{"name": "é"}'.encode("latin-1"),
            "the document is not UTF-8 text (byte 10): save it as UTF-8 JSON",
        ),
        (
            "UTF-16",
            json.dumps(DOCUMENT).encode("utf-16"),
            "the document is not UTF-8 text (byte 0): save it as UTF-8 JSON",
        ),
        (
            "UTF-16 without a BOM",
            json.dumps(DOCUMENT).encode("utf-16-le"),
            "line 1, column 2 is a NUL character: save it as UTF-8, not as UTF-16",
        ),
        (
            "an open text of many escaped quotes",
            '"' + '\\"' * 130_000,
            "line 1, column 1 is not JSON (Unterminated string starting at): fix it there",
        ),
        (
            "a key twice",
            '{"format": "thaw.schedule", "epochs": 8, "name": "a", "epochs": 9}',
            "epochs appears twice in one object: keep one of the two",
        ),
        (
            "a key twice, deep inside",
            json.dumps(DOCUMENT).replace('"fc"', '{"x": 1, "x": 1}'),
            "x appears twice in one object: keep one of the two",
        ),
        (
            "a key twice that a message cannot print",
            '{"\\ud800\\n": 1, "\\ud800\\n": 2}',
            "['\\ud800\\n'] appears twice in one object: keep one of the two",
        ),
        (
            "thousands of keys, one twice",
            "{" + ",".join(f'"k{i}":0' for i in range(20_000)) + ',"k19999":1}',
            "k19999 appears twice in one object: keep one of the two",
        ),
    )
]

WRONG_FIELDS = [
    at("format", to=GONE, says='format is missing: a Thaw schedule has "format": "thaw.schedule"'),
    at(
        "format",
        to="thaw.settings",
        says='format is \'thaw.settings\': a Thaw schedule has "format": "thaw.schedule"',
    ),
    at("version", to=GONE, says='version is missing: a Thaw schedule has "version": 1'),
    at("version", to=True, says='version is true: a Thaw schedule has "version": 1'),
    at("version", to=1.0, says='version is 1.0: a Thaw schedule has "version": 1'),
    at("version", to="1", says="version is '1': a Thaw schedule has \"version\": 1"),
    at("version", to=0, says='version is 0: a Thaw schedule has "version": 1'),
    at("version", to=2, says="version is 2, but this Thaw reads 1: update Thaw to open it"),
    at(
        "version",
        to=10**90,
        says=f"version is 1{'0' * 79}…, but this Thaw reads 1: update Thaw to open it",
    ),
    # A field that is not there
    at("name", to=GONE, says="name is missing: add it"),
    at("groups", 1, "modules", to=GONE, says="groups[1].modules is missing: add it"),
    at("optimizer", "base_lr", to=GONE, says="optimizer.base_lr is missing: add it"),
    at(
        "optimizer",
        "name",
        to=GONE,
        says=f"optimizer.name is missing: use one of {OPTIMIZER_NAMES}",
    ),
    at(
        "lr",
        "decay",
        to={"floor": {"lr": 0.1}},
        says=f"lr.decay.shape is missing: use one of {SHAPE_NAMES}",
    ),
    at("lr", "decay", "floor", to={}, says="lr.decay.floor.factor is missing: add it"),
    # A field that is unknown, at every level
    at("epoch", to=8, says="epoch is not a field here: did you mean 'epochs'?"),
    at(
        "comment",
        to="hello",
        says="comment is not a field here: use one of epochs, format, groups, lr, model, name, "
        "optimizer, version",
    ),
    at(
        "model", "weight", to=None, says="model.weight is not a field here: did you mean 'weights'?"
    ),
    at(
        "optimizer",
        "weight-decay",
        to=0,
        says="optimizer['weight-decay'] is not a field here: did you mean 'weight_decay'?",
    ),
    at(
        "lr",
        "intervall",
        to="step",
        says="lr.intervall is not a field here: did you mean 'interval'?",
    ),
    at(
        "lr",
        "warmup",
        "start",
        to=0,
        says="lr.warmup.start is not a field here: did you mean 'start_factor'?",
    ),
    at(
        "lr",
        "decay",
        "flor",
        to={},
        says="lr.decay.flor is not a field here: did you mean 'floor'?",
    ),
    at(
        "lr",
        "decay",
        "floor",
        "facto",
        to=0.1,
        says="lr.decay.floor.facto is not a field here: did you mean 'factor'?",
    ),
    at(
        "groups",
        1,
        "module",
        to=["fc"],
        says="groups[1].module is not a field here: did you mean 'modules'?",
    ),
    at(
        "a b\n\x00",
        to=1,
        says="['a b\\n\\x00'] is not a field here: use one of epochs, format, groups, lr, model, "
        "name, optimizer, version",
    ),
    # A field that only another kind has
    at(
        "lr",
        "decay",
        "cooldown",
        to=0.2,
        says="lr.decay.cooldown is not a field of cosine: remove it, or use wsd",
    ),
    at(
        "lr",
        "decay",
        to={"shape": "constant", "floor": {"lr": 0.1}},
        says="lr.decay.floor is not a field of constant: "
        "remove it, or use cosine or linear or wsd or polynomial",
    ),
    at(
        "optimizer",
        "momentum",
        to=0.9,
        says="optimizer.momentum is not a field of adam: remove it, or use sgd",
    ),
    at(
        "lr",
        "decay",
        "floor",
        to={"factor": 0.1, "lr": 1e-6},
        says="lr.decay.floor.factor cannot be combined with lr: keep one of the two",
    ),
    # A name of a choice that does not exist
    at("optimizer", "name", to="adm", says="optimizer.name is 'adm': did you mean 'adam'?"),
    at(
        "optimizer",
        "name",
        to="Lion",
        says=f"optimizer.name is 'Lion': use one of {OPTIMIZER_NAMES}",
    ),
    at("optimizer", "name", to=None, says=f"optimizer.name is null: use one of {OPTIMIZER_NAMES}"),
    at(
        "lr",
        "decay",
        "shape",
        to="polynom",
        says="lr.decay.shape is 'polynom': did you mean 'polynomial'?",
    ),
    at("lr", "warmup", "shape", to="cos", says="lr.warmup.shape is 'cos': did you mean 'cosine'?"),
    at("lr", "interval", to="steps", says="lr.interval is 'steps': did you mean 'step'?"),
    at(
        "lr",
        "after_unfreeze",
        to=True,
        says="lr.after_unfreeze is true: use one of follow, restart",
    ),
    at(
        "groups",
        0,
        "when_frozen",
        to="evaluate",
        says="groups[0].when_frozen is 'evaluate': did you mean 'eval'?",
    ),
    # Another type
    at("epochs", to=True, says="epochs is true: write a whole number"),
    at("epochs", to="8", says="epochs is '8': write a whole number"),
    at("epochs", to=8.0, says="epochs is 8.0: write a whole number"),
    at("epochs", to=None, says="epochs is null: write a whole number"),
    at("epochs", to=ENDLESS, says="epochs is Infinity: write a whole number"),
    at("name", to=7, says="name is 7: write text in quotes"),
    at("model", to="resnet18", says="model is 'resnet18': write an object in { }"),
    at("optimizer", to="adam", says="optimizer is 'adam': write an object in { }"),
    at("lr", to=[], says="lr is []: write an object in { }"),
    at("lr", "decay", to="cosine", says="lr.decay is 'cosine': write an object in { }"),
    at("lr", "decay", "floor", to=0.1, says="lr.decay.floor is 0.1: write an object in { }"),
    at("lr", "decay", "floor", to=None, says="lr.decay.floor is null: write an object in { }"),
    at("groups", to={"head": ["fc"]}, says='groups is {"head": ["fc"]}: write a list in [ ]'),
    at("groups", 1, to="head", says="groups[1] is 'head': write an object in { }"),
    at("groups", 1, "modules", to="fc", says="groups[1].modules is 'fc': write a list in [ ]"),
    at("groups", 1, "modules", 0, to=4, says="groups[1].modules[0] is 4: write text in quotes"),
    at("groups", 1, "lr_scale", to=False, says="groups[1].lr_scale is false: write a number"),
    at("groups", 1, "trainable", to=None, says="groups[1].trainable is null: write a list in [ ]"),
    at("groups", 1, "trainable", 0, to=3, says="groups[1].trainable[0] is 3: write a list in [ ]"),
    at(
        "groups",
        1,
        "trainable",
        0,
        0,
        to=None,
        says="groups[1].trainable[0][0] is null: write a whole number",
    ),
    at(
        "groups",
        1,
        "trainable",
        0,
        1,
        to="end",
        says="groups[1].trainable[0][1] is 'end': write a whole number",
    ),
    at(
        "groups",
        0,
        "trainable",
        1,
        0,
        to=6.5,
        says="groups[0].trainable[1][0] is 6.5: write a whole number",
    ),
    at(
        "groups",
        1,
        "trainable",
        0,
        to=[],
        says="groups[1].trainable[0] is []: write [start, end], null for to the end",
    ),
    at(
        "groups",
        0,
        "trainable",
        1,
        to=[1, 2, 3],
        says="groups[0].trainable[1] is [1, 2, 3]: write [start, end], null for to the end",
    ),
    # Out of range
    at("epochs", to=0, says="epochs is 0: it must be at least 1"),
    at("epochs", to=10_001, says="epochs is 10001: it must be at most 10000"),
    at("epochs", to=-(10**30), says=f"epochs is -1{'0' * 30}: it must be at least 1"),
    at("optimizer", "base_lr", to=0, says="optimizer.base_lr is 0: it must be at least 1e-12"),
    at(
        "optimizer",
        "base_lr",
        to=-1e-3,
        says="optimizer.base_lr is -0.001: it must be at least 1e-12",
    ),
    at(
        "optimizer",
        "base_lr",
        to=1e300,
        says="optimizer.base_lr is 1e+300: it must be at most 1000",
    ),
    at(
        "optimizer",
        "base_lr",
        to=ENDLESS,
        says="optimizer.base_lr is Infinity: write a finite number",
    ),
    at(
        "optimizer",
        "weight_decay",
        to=-1,
        says="optimizer.weight_decay is -1: it must be at least 0",
    ),
    at(
        "optimizer",
        to={"name": "sgd", "base_lr": 0.1, "momentum": 1},
        says="optimizer.momentum is 1: it must be less than 1",
    ),
    at("lr", "group_decay", to=0, says="lr.group_decay is 0: it must be at least 1e-6"),
    at("lr", "warmup", "epochs", to=-0.5, says="lr.warmup.epochs is -0.5: it must be at least 0"),
    at(
        "lr",
        "warmup",
        "epochs",
        to=1e5,
        says="lr.warmup.epochs is 100000.0: it must be at most 10000",
    ),
    at(
        "lr",
        "warmup",
        "start_factor",
        to=1.1,
        says="lr.warmup.start_factor is 1.1: it must be at most 1",
    ),
    at(
        "lr",
        "decay",
        "floor",
        "factor",
        to=2,
        says="lr.decay.floor.factor is 2: it must be at most 1",
    ),
    at(
        "lr", "decay", "floor", to={"lr": -1}, says="lr.decay.floor.lr is -1: it must be at least 0"
    ),
    at(
        "lr",
        "decay",
        to={"shape": "wsd", "cooldown": 0},
        says="lr.decay.cooldown is 0: it must be at least 0.001",
    ),
    at(
        "lr",
        "decay",
        to={"shape": "polynomial", "power": -2},
        says="lr.decay.power is -2: it must be at least 0.01",
    ),
    at(
        "lr",
        "decay",
        to={"shape": "steps", "milestones": [0.6, 0.3]},
        says="lr.decay.milestones do not ascend: write each once, the earliest first",
    ),
    at(
        "lr",
        "decay",
        to={"shape": "steps", "milestones": [0.3, "x"]},
        says="lr.decay.milestones[1] is 'x': write a number",
    ),
    at("groups", 1, "lr_scale", to=0, says="groups[1].lr_scale is 0: it must be at least 1e-100"),
    at(
        "groups",
        1,
        "trainable",
        0,
        0,
        to=-1,
        says="groups[1].trainable[0][0] is -1: it must be at least 0",
    ),
    at(
        "groups",
        0,
        "trainable",
        0,
        1,
        to=10**20,
        says=f"groups[0].trainable[0][1] is 1{'0' * 20}: it must be at most 10000",
    ),
    # Texts and lists
    at("name", to="", says="name is empty: write at least one character"),
    at("name", to="x" * 81, says="name has 81 characters: shorten it to at most 80"),
    *(
        at("name", to=name, says=f"name is {name!r}: write at least one character that can be seen")
        for name in (" ", "\u200b", "\u200d\ufeff\u00ad", "\u3164", "\ufe0f", "\u2003\u2060 ")
    ),
    at(
        "groups",
        0,
        "name",
        to="\u200b",
        says="groups[0].name is '\\u200b': write at least one character that can be seen",
    ),
    at("name", to="a\x00b", says="name is 'a\\x00b': leave out the control characters"),
    at("name", to="a\n", says="name is 'a\\n': leave out the control characters"),
    at("name", to="\x9b31m", says="name is '\\x9b31m': leave out the control characters"),
    at(
        "groups",
        0,
        "name",
        to="\x1b[31m",
        says="groups[0].name is '\\x1b[31m': leave out the control characters",
    ),
    at(
        "model",
        "weights",
        to="\x00",
        says="model.weights is '\\x00': leave out the control characters",
    ),
    at("name", to="a\u202eb", says="name is 'a\\u202eb': leave out the control characters"),
    at("name", to="a\ufffe", says="name is 'a\\ufffe': leave out the control characters"),
    at(
        "groups",
        0,
        "name",
        to="\uffff",
        says="groups[0].name is '\\uffff': leave out the control characters",
    ),
    at(
        "name",
        to="\ud800",
        says="name holds half of a character (a lone surrogate): remove the \\ud… in it",
    ),
    at(
        "\udfff",
        to=1,
        says="['\\udfff'] holds half of a character (a lone surrogate): remove the \\ud… in it",
    ),
    at(
        "model",
        "name",
        to="resnet 18",
        says="model.name is 'resnet 18': "
        "use letters, digits, _ . - and /, as in torchvision/resnet18",
    ),
    at(
        "groups",
        1,
        "modules",
        0,
        to="fc.",
        says="groups[1].modules[0] is 'fc.': "
        "use letters, digits, _, - and dots, as in layer4.0.bn1",
    ),
    at(
        "groups",
        1,
        "modules",
        0,
        to="",
        says="groups[1].modules[0] is empty: write at least one character",
    ),
    at("groups", 1, "modules", to=[], says="groups[1].modules is empty: add at least one"),
    at("groups", to=[], says="groups is empty: add at least one"),
    at(
        "groups",
        to=[{"name": f"g{i}", "modules": ["fc"]} for i in range(513)],
        says="groups has 513 items: it may have at most 512",
    ),
    at(
        "groups",
        1,
        "name",
        to="body",
        says="groups has two groups named 'body': rename one of them",
    ),
    at(
        "groups",
        0,
        "trainable",
        0,
        to=[4, 2],
        says="groups[0].trainable has the window [4, 2]: end it after it starts",
    ),
]


@pytest.mark.parametrize(("text", "message"), NOT_A_DOCUMENT)
def test_what_is_no_json_document_is_refused_with_the_place_and_the_way_out(
    text: str | bytes, message: str
):
    error = refusal(text)
    assert [str(problem) for problem in error.problems] == [message]
    assert str(error) == message


@pytest.mark.parametrize(("document", "message"), WRONG_FIELDS)
def test_a_wrong_field_is_refused_with_its_path_its_value_and_the_way_out(
    document: dict[str, Any], message: str
):
    error = refusal(document)
    assert str(error) == message
    others = [str(problem) for problem in error.problems[1:]]
    assert others in ([], ["lr.decay.floor.factor is missing: add it"])


def test_the_document_that_all_these_are_made_from_is_a_schedule():
    assert parse.parse(json.dumps(DOCUMENT)).group("body").trainable == ((2, 4), (6, None))


def test_an_unknown_field_comes_first_since_it_explains_the_missing_one():
    document = changed("epochs", to=GONE)
    document["epoch"] = 8
    assert [str(problem) for problem in refusal(document).problems] == [
        "epoch is not a field here: did you mean 'epochs'?",
        "epochs is missing: add it",
    ]


def test_every_wrong_field_of_a_document_is_told_once():
    document = changed("epochs", to=0)
    document["optimizer"]["base_lr"] = "fast"
    document["groups"][0]["trainable"] = [[], [1]]
    document["groups"][1]["modules"] = [1, 2]
    assert [str(problem) for problem in refusal(document).problems] == [
        "epochs is 0: it must be at least 1",
        "optimizer.base_lr is 'fast': write a number",
        "groups[0].trainable[0] is []: write [start, end], null for to the end",
        "groups[0].trainable[1] is [1]: write [start, end], null for to the end",
        "groups[1].modules[0] is 1: write text in quotes",
        "groups[1].modules[1] is 2: write text in quotes",
    ]


def test_of_thousands_of_wrong_fields_a_hundred_are_told():
    assert len(refusal(changed("groups", 1, "modules", to=[1] * 50_000)).problems) == 100


def test_a_long_value_is_cut_in_the_message():
    assert str(refusal(changed("epochs", to="x" * 1_000))) == (
        f"epochs is '{'x' * 79}…: write a whole number"
    )


def test_a_bom_is_no_part_of_the_document():
    text = json.dumps(DOCUMENT)
    assert parse.parse(b"\xef\xbb\xbf" + text.encode()) == parse.parse("\ufeff" + text)


def test_a_document_of_just_256_kib_is_read():
    text = json.dumps(DOCUMENT).ljust(parse.MAX_DOCUMENT_BYTES)
    assert parse.parse(text) == parse.parse(text.encode()) == parse.parse(json.dumps(DOCUMENT))


def test_brackets_in_a_text_are_not_depth():
    name = '[[[[[[[[[[[[[[[[[[[[\\"{{{{{{{{{{{{{{{{'
    assert parse.parse(json.dumps(changed("name", to=name))).name == name


@pytest.mark.parametrize("field", ["lr_scale", "weights"])
def test_null_is_the_same_as_leaving_an_optional_field_out(field: str):
    path = ("model",) if field == "weights" else ("groups", 0)
    with_null = changed(*path, field, to=None)
    without = copy.deepcopy(with_null)
    del (without["model"] if field == "weights" else without["groups"][0])[field]
    assert parse.from_raw(with_null) == parse.from_raw(without)


def test_whole_numbers_are_taken_where_a_fraction_may_stand():
    assert parse.from_raw(changed("lr", "warmup", "epochs", to=2)).lr.warmup.epochs == 2.0


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.glob("*.json")))
def test_a_file_of_version_1_parses_forever(name: str):
    stored = (GOLDEN / name).read_bytes()
    assert json.loads(parse.dumps(parse.parse(stored))) == json.loads(stored)


@given(schedules())
def test_a_schedule_survives_its_text(schedule: Schedule):
    text = parse.dumps(schedule)
    assert parse.parse(text) == parse.parse(text.encode()) == schedule
    assert parse.dumps(parse.parse(text)) == text


@given(documents())
def test_nothing_that_was_written_is_rewritten(raw: dict[str, Any]):
    """Only defaults are added, nulls left out, and whole numbers become fractions."""

    def kept(before: Any, after: Any) -> bool:
        if isinstance(before, dict):
            return all(value is None or kept(value, after[key]) for key, value in before.items())
        if isinstance(before, list):
            return len(before) == len(after) and all(map(kept, before, after))
        return before == after

    assert kept(raw, json.loads(parse.dumps(parse.from_raw(raw))))


@pytest.mark.parametrize(("length", "broken"), [(109, False), (110, True)])
def test_what_fits_into_130_columns_is_one_line(length: int, broken: bool):
    document = changed("groups", 0, "modules", to=["m" * length])
    line = f'      "modules": ["{"m" * length}"],'
    assert len(line) == length + 22
    lines = parse.dumps(parse.from_raw(document)).splitlines()
    assert (line not in lines) is broken


def test_the_text_is_readable():
    assert parse.dumps(parse.from_raw(DOCUMENT)) == (
        """\
{
  "format": "thaw.schedule",
  "version": 1,
  "name": "Two groups",
  "model": {"name": "torchvision/resnet18", "weights": "IMAGENET1K_V1"},
  "epochs": 8,
  "optimizer": {"name": "adam", "base_lr": 0.001, "weight_decay": 0.0},
  "lr": {
    "group_decay": 0.1,
    "interval": "step",
    "warmup": {"epochs": 1.0, "start_factor": 0.1, "shape": "linear"},
    "decay": {"shape": "cosine", "floor": {"factor": 0.0}},
    "after_unfreeze": "follow"
  },
  "groups": [
    {"name": "body", "modules": ["conv1", "layer4"], "trainable": [[2, 4], [6, null]], \
"when_frozen": "eval"},
    {"name": "head", "modules": ["fc"], "trainable": [[0, null]], "when_frozen": "eval"}
  ]
}
"""
    )


def told(text: str | bytes) -> list[InputError]:
    try:
        parse.parse(text)
    except ScheduleError as error:
        return list(error.problems)
    return []


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.one_of(st.text(), st.binary(), _json.map(json.dumps)))
def test_any_text_or_bytes_are_a_schedule_or_a_schedule_error(text: str | bytes):
    assert told(text) != []


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """A valid document with any JSON value in place of one of its parts, at any depth."""
    document: Any = draw(documents(max_groups=2))
    part = document
    while True:
        keys = list(part) if isinstance(part, dict) else range(len(part))
        key = draw(st.sampled_from(keys))
        inner = part[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            part[key] = draw(_json)
            return document
        part = inner


@given(spoilt())
def test_a_spoilt_part_is_told_in_plain_words_that_any_terminal_can_print(raw: dict[str, Any]):
    for problem in told(json.dumps(raw)):
        assert problem.way_out
        assert str(problem).isprintable()
        assert "Input should" not in str(problem)
        str(problem).encode()


@given(schedules(), st.data())
def test_a_text_that_lost_its_end_is_refused(schedule: Schedule, data: st.DataObject):
    text = parse.dumps(schedule).rstrip()
    assert told(text[: data.draw(st.integers(0, len(text) - 1))]) != []

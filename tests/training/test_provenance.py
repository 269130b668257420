from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import DataError, InputError
from core.runs.settings import RunSettings
from core.schedule.edits import set_field
from core.schedule.parse import dumps, from_raw, to_raw
from core.schedule.spec import Group, Schedule
from core.training import provenance
from core.training.data import Data, Split
from core.training.device import processor_name
from core.training.numerics import Arithmetic
from core.training.provenance import Provenance
from tests.training.small import small_schedule, small_settings

CPU = torch.device("cpu")
OWN = small_settings()
OLDER = hashlib.sha256(dumps(small_schedule()).encode()).hexdigest()
"""The hash of that schedule in checkpoints of before names and defaults were left out."""


class LaterGroup(Group):
    """A group of a Thaw that knows more, first and last."""

    on_thaw: Literal["keep", "reset"] = "keep"


class LaterSchedule(Schedule):
    """A schedule of that Thaw."""

    groups: tuple[LaterGroup, ...]
    notes: tuple[str, ...] = ("none",)


class LaterSettings(RunSettings):
    """Run settings of that Thaw."""

    threads: int = 1


def data(seed: int = 0, classes: tuple[str, ...] = ("cat", "dog")) -> Data:
    generator = torch.Generator().manual_seed(seed)

    def split(count: int) -> Split:
        images = torch.randint(256, (count, 3, 4, 4), generator=generator, dtype=torch.uint8)
        return Split(images, torch.arange(count) % 2)

    return Data(split(6), split(4), classes)


def collected(of: Data | None = None) -> Provenance:
    """What a small run is begun with."""
    return provenance.collect(
        small_schedule(), small_settings(), of or data(), CPU, check_stop=lambda: None
    )


def test_other_settings_or_another_schedule_are_refused_by_name():
    before = collected()
    provenance.check_documents(before, 2, small_schedule(), small_settings())
    with pytest.raises(InputError, match=r"^settings\.json is not the one that epochs 0 to 1 were"):
        provenance.check_documents(before, 2, small_schedule(), small_settings(batch_size=8))
    with pytest.raises(InputError, match=r"^schedule\.json is not the one that epoch 0 was run"):
        provenance.check_documents(before, 1, small_schedule(4), small_settings())


def test_a_schedule_by_another_name_is_the_same_and_a_group_by_another_name_is_not():
    before = collected()
    raw = to_raw(small_schedule())
    raw["groups"][0]["name"] = "s"
    regrouped = from_raw(raw)
    provenance.check_documents(before, 2, set_field(small_schedule(), "name", "Other"), OWN)
    with pytest.raises(InputError, match=r"^schedule\.json is not the one that"):
        provenance.check_documents(before, 2, regrouped, OWN)


def test_a_field_that_is_new_and_has_its_default_is_no_other_document():
    schedule, settings = LaterSchedule.model_validate_json(dumps(small_schedule())), LaterSettings
    later = settings.model_validate_json(small_settings().model_dump_json())
    for stored in (collected(), replace(collected(), schedule=OLDER)):
        provenance.check_documents(stored, 1, schedule, later)
        (first, *others) = schedule.groups
        set_otherwise = (first.model_copy(update={"on_thaw": "reset"}), *others)
        changed = schedule.model_copy(update={"groups": set_otherwise})
        with pytest.raises(InputError, match=r"^schedule\.json is not the one that"):
            provenance.check_documents(stored, 1, changed, later)


def test_the_fingerprint_of_a_schedule_and_of_settings_stays_as_checkpoints_have_it():
    assert provenance.document_hash(small_schedule()) == (
        "742e00f4f9ac434c30ebd281745cd561ddbdc31f9ad6a7e2922bd003ae9934ee"
    )
    assert provenance.document_hash(small_settings(optimizer_step="plain")) == (
        "911714bf3f4b92a8db10b26682a49cf34dfef371c34a23dae187f87c6b2d9703"
    )


def test_another_optimizer_step_is_another_setting():
    with pytest.raises(InputError, match=r"^settings\.json is not the one that"):
        provenance.check_documents(
            collected(), 1, small_schedule(), small_settings(optimizer_step="plain")
        )


def test_what_is_said_of_the_cache_is_no_other_setting():
    provenance.check_documents(collected(), 1, small_schedule(), small_settings(cache="off"))


def test_the_same_data_is_the_same_and_passes():
    provenance.check_data(collected(), 2, collected(), "here")


@given(
    split=st.sampled_from(["train", "validation"]),
    at=st.integers(0, 4 * 48 - 1),
    bit=st.integers(0, 7),
)
def test_one_bit_of_one_image_is_other_data_and_its_split_is_named(split, at, bit):
    changed = data()
    getattr(changed, split).images.view(-1)[at] ^= 1 << bit
    name = {"train": "training images", "validation": "validation images"}[split]
    told = f"^--data is 'here', whose {name} are not those that epochs 0 to 1 were run with: put"
    with pytest.raises(DataError, match=told):
        provenance.check_data(collected(), 2, collected(changed), "here")


def test_a_label_fewer_images_or_other_classes_are_other_data():
    before, same = collected(), data()
    same.train.labels[0] = 1
    fewer = data()
    fewer = replace(fewer, train=Split(fewer.train.images[:5], fewer.train.labels[:5]))
    for changed, what in (
        (same, "training images"),
        (fewer, "training images"),
        (data(classes=("cat", "fox")), "classes"),
        (data(seed=1), "training images and validation images"),
    ):
        with pytest.raises(DataError, match=f"whose {what} are not those"):
            provenance.check_data(before, 2, collected(changed), "here")


def test_a_library_of_another_version_is_refused_with_both_versions_and_a_way_out():
    now = provenance.libraries()
    before = replace(collected(), libraries={**now, "timm": "0.9.1"})
    with pytest.raises(InputError) as caught:
        provenance.check_libraries(before, 3)
    assert str(caught.value) == (
        f"a library changed: here is timm {now['timm']}, but epochs 0 to 2 were run with timm "
        "0.9.1: install that version again, or continue with --other-libraries "
        "(the last bits may differ), or start a new run in another folder"
    )
    provenance.check_libraries(collected(), 3)


def test_other_arithmetic_is_told_and_the_same_is_not():
    now = collected()
    assert provenance.changed_arithmetic(now, 1, collected()) == ""
    before = replace(now, machine="a CPU with AVX2, 64 threads", libraries={"torch": "1.0"})
    told = provenance.changed_arithmetic(before, 1, replace(now, libraries={"torch": "2.0"}))
    assert told == (
        f"epoch 0 was run on torch 1.0, now 2.0; a CPU with AVX2, 64 threads, now {now.machine}: "
        "the last bits may differ from here on"
    )


def test_another_processor_or_another_numpy_is_told_and_not_refused():
    now = collected()
    assert now.machine.startswith(processor_name() or "a CPU")
    assert "numpy" in now.libraries
    rest = now.machine.rpartition(" with ")[2]
    there = f"AMD Ryzen 5 3500U with Radeon Vega Mobile Gfx with {rest}"
    before = replace(now, machine=there, libraries={**now.libraries, "numpy": "2.0.0"})
    provenance.check_libraries(before, 1)
    assert provenance.changed_arithmetic(
        before, 1, replace(now, machine=f"Apple M1 with {rest}")
    ) == (
        f"epoch 0 was run on numpy 2.0.0, now {now.libraries['numpy']}; {there}, now Apple M1 with "
        f"{rest}: the last bits may differ from here on"
    )


def test_what_an_older_thaw_has_not_noted_is_no_difference():
    now = collected()
    libraries = {name: own for name, own in now.libraries.items() if name != "numpy"}
    before = replace(
        now, machine=f"a CPU with {now.machine.rpartition(' with ')[2]}", libraries=libraries
    )
    provenance.check_libraries(before, 1)
    assert provenance.changed_arithmetic(before, 1, now) == ""


def test_a_stop_is_asked_for_while_images_are_gone_through():
    asked = []
    provenance.collect(small_schedule(), small_settings(), data(), CPU, lambda: asked.append(1))
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (
            Arithmetic(torch.device("cuda", 1), is_fast=True),
            "^--device is cuda in process 1 on .*, and cpu in process 0: use --device cpu, or mac",
        ),
        (
            Arithmetic(CPU, torch.bfloat16, channels_last=True, is_fast=True),
            r"^--precision is fast \(torch.bfloat16, channels_last\) in process 1 on .*, and fast "
            r"\(torch.float32, contiguous\) in process 0: use --precision exact, or machines",
        ),
    ],
)
def test_processes_whose_machines_have_chosen_otherwise_are_refused(there, told):
    here, own = Arithmetic(CPU, is_fast=True), collected()
    processes = [provenance.of_process(own, each) for each in (here, there)]
    with pytest.raises(InputError, match=told):
        provenance.check_alike(processes)
    provenance.check_alike(processes[:1] * 2)

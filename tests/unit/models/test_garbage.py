"""The garbage collector runs rarely while answers are drawn, and its settings come back."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from fusion_eval.models.event_loop import run_anywhere
from fusion_eval.models.garbage import rare_collections

Settings = tuple[tuple[int, int, int], int, bool]


def settings() -> Settings:
    return gc.get_threshold(), gc.get_freeze_count(), gc.isenabled()


@pytest.fixture(autouse=True)
def original_settings() -> Iterator[Settings]:
    before = gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(700, 10, 10)
    yield settings()
    gc.set_threshold(*before)
    gc.enable()
    gc.unfreeze()


def test_collections_are_rare_within_the_block_only(original_settings: Settings) -> None:
    # when
    with rare_collections():
        threshold, frozen, enabled = settings()
    # then
    assert threshold[0] > 10_000
    assert frozen
    assert enabled
    assert settings() == original_settings


def test_an_error_puts_the_settings_back(original_settings: Settings) -> None:
    # when
    with pytest.raises(KeyError), rare_collections():
        raise KeyError
    # then
    assert settings() == original_settings


def test_the_last_of_several_blocks_puts_the_settings_back(original_settings: Settings) -> None:
    # given two blocks, as of two threads
    first, second = rare_collections(), rare_collections()
    first.__enter__()
    second.__enter__()
    # when
    first.__exit__(None, None, None)
    # then
    assert gc.get_threshold()[0] > 10_000
    second.__exit__(None, None, None)
    assert settings() == original_settings


def test_a_disabled_collector_stays_as_it_is() -> None:
    # given
    gc.disable()
    before = settings()
    # when
    with rare_collections():
        within = settings()
    # then
    assert within == settings() == before


def test_objects_that_the_user_has_frozen_stay_frozen() -> None:
    # given
    gc.freeze()
    # when
    with rare_collections():
        pass
    # then
    assert gc.get_freeze_count()


async def inner_threshold() -> int:
    return gc.get_threshold()[0]


def test_work_in_a_loop_of_our_own_is_such_a_block(original_settings: Settings) -> None:
    assert run_anywhere(inner_threshold) > 10_000
    assert settings() == original_settings


def test_work_beside_a_running_loop_is_such_a_block(original_settings: Settings) -> None:
    async def cell() -> int:
        return run_anywhere(inner_threshold)

    assert asyncio.run(cell()) > 10_000
    assert settings() == original_settings

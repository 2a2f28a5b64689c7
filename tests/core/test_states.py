"""What the states mean: each is in its place, and what has one state to tell of has all of them."""

from __future__ import annotations

from ml_connector.cli import doctor
from ml_connector.core import states
from ml_connector.core.records import State


def test_a_state_is_either_open_or_final_and_a_replay_takes_up_just_what_no_run_does() -> None:
    assert sorted((*states.OPEN, *states.FINAL)) == sorted(State)
    assert sorted((*states.MOVING, *states.REPLAYABLE)) == sorted(State)


def test_the_doctor_has_advice_for_all_that_has_failed() -> None:
    assert set(doctor._ADVICE) == set(states.FAILED)

import os
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muelle.core import Ids, ManualClock, name
from muelle.core.ids import InvalidName, uuid7


def test_an_id_is_its_kind_and_a_uuid_of_version_7() -> None:
    kind, _, digits = Ids(ManualClock()).mint("run").partition("_")
    identity = uuid.UUID(digits)
    assert (kind, identity.version, identity.variant) == ("run", 7, uuid.RFC_4122)


def test_the_example_of_the_rfc_comes_out() -> None:
    # RFC 9562, appendix A.6: rand_a 0xCC3 and rand_b 0x18C4DC0C0C07398F at 2022-02-22 19:22:22 UTC.
    chance = (0xCC3 << 62 | 0x18C4DC0C0C07398F).to_bytes(10, "big")
    assert uuid7(0x017F22E279B0 * 1_000_000, chance) == "017f22e279b07cc398c4dc0c0c07398f"


def test_ids_sort_by_birth() -> None:
    clock = ManualClock()
    ids = Ids(clock)
    minted = []
    for _ in range(100):
        minted.append(ids.mint("run"))
        clock.forward(seconds=0.001)
    assert minted == sorted(minted)


def test_ids_of_one_moment_differ() -> None:
    ids = Ids(ManualClock())
    assert len({ids.mint("run") for _ in range(10_000)}) == 10_000


@given(st.integers(min_value=0, max_value=2**48 * 1_000_000 - 1), st.binary(min_size=10, max_size=10))
def test_every_time_and_chance_make_a_valid_uuid(nanoseconds: int, entropy: bytes) -> None:
    identity = uuid.UUID(uuid7(nanoseconds, entropy))
    assert identity.version == 7
    assert identity.int >> 80 == nanoseconds // 1_000_000


@pytest.mark.parametrize("text", ["a", "A9", "crm-agent_2", "x" * 100])
def test_good_names_pass(text: str) -> None:
    assert name(text) == text


@pytest.mark.parametrize("text", ["", "-a", "_a", "a b", "a/b", "a.b", "ä", "a\n", "x" * 101])
def test_other_names_are_refused_with_the_field(text: str) -> None:
    with pytest.raises(InvalidName) as refused:
        name(text, "agent")
    assert refused.value.facts == {"field": "agent", "value": text[:100]}


def test_a_forked_process_mints_other_ids() -> None:
    ids = Ids(ManualClock())
    ids.mint("run")
    reader, writer = os.pipe()
    if not (child := os.fork()):
        os.write(writer, ids.mint("run").encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writer)
    with os.fdopen(reader) as told:
        assert told.read() != ids.mint("run")

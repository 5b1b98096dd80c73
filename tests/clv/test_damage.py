"""Tests that only the network that was judged scores, whatever is in its place."""

import io
import json
import resource
import time
import zipfile
from collections.abc import Callable
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.clv.network import DamagedNetworkError, Network
from clv_warehouse.clv.observations import Customers
from clv_warehouse.clv.prior import Prior
from clv_warehouse.clv.registry import last_accepted
from clv_warehouse.learning.registry import SCHEMA
from networks import judged, network_of
from simulated import shop

Arrays = dict[str, np.ndarray]
KERNEL, BIAS = "member.0.0", "member.0.1"


@pytest.fixture(scope="module")
def row() -> dict:
    """A row of clv_network."""
    customers = Customers.from_arrow(shop(customers=20)[0])
    network = network_of(customers, "rnn")
    prior = Prior.fit(customers.history).to_json()
    return judged(weights=network.to_bytes(), prior=prior)


def arrays_of(weights: bytes) -> Arrays:
    """The arrays of a network."""
    with np.load(io.BytesIO(weights)) as arrays:
        return dict(arrays)


def archive(arrays: Arrays) -> bytes:
    """A network of other arrays."""
    file = io.BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    return file.getvalue()


def other_scale(arrays: Arrays) -> Arrays:
    """The same network for another currency."""
    about = json.loads(str(arrays["about"]))
    about["scale"] *= 20
    return arrays | {"about": np.array(json.dumps(about))}


def bomb(_: bytes) -> bytes:
    """An archive of a megabyte that would be a gigabyte of zeros."""
    file = io.BytesIO()
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archived,
        archived.open("about.npy", "w", force_zip64=True) as member,
    ):
        for _ in range(16):
            member.write(bytes(1 << 26))
    return file.getvalue()


def changed(change: Callable[[Arrays], Arrays]) -> Callable[[bytes], bytes]:
    """Change a network's arrays."""
    return lambda weights: archive(change(arrays_of(weights)))


# What the digest alone can see, and what cannot score whatever its digest.
PLAUSIBLE = {
    "half as much again": changed(
        lambda arrays: arrays | {KERNEL: arrays[KERNEL] * np.float32(1.5)}
    ),
    "zeros": changed(lambda arrays: arrays | {KERNEL: np.zeros_like(arrays[KERNEL])}),
    "another scale": changed(other_scale),
}
IMPOSSIBLE = {
    "a row short": changed(lambda arrays: arrays | {KERNEL: arrays[KERNEL][:-1]}),
    "a value for all": changed(lambda arrays: arrays | {BIAS: arrays[BIAS][:1]}),
    "not a number": changed(
        lambda arrays: arrays | {KERNEL: np.full_like(arrays[KERNEL], np.nan)}
    ),
    "no kept shares": changed(
        lambda arrays: {name: each for name, each in arrays.items() if name != "kept"}
    ),
    "random bytes": lambda _: np.random.default_rng(1).bytes(100_000),
    "nothing": lambda _: b"",
    "half": lambda weights: weights[: len(weights) // 2],
    "a bomb": bomb,
}


def scorer(*rows: dict) -> str | None:
    """The version of the network that scores; None if the prior does."""
    with duckdb.connect() as connection:
        connection.register("networks", pa.Table.from_pylist([*rows], schema=SCHEMA))
        found = last_accepted(connection.table("networks"), date(2025, 1, 20))
    return found and found.version


@pytest.mark.parametrize("name", [*PLAUSIBLE, *IMPOSSIBLE])
def test_another_network_in_its_place_does_not_score(
    row: dict, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    damage = (PLAUSIBLE | IMPOSSIBLE)[name]
    damaged = row | {"network_version": "new", "weights": damage(row["weights"])}
    older = row | {"as_of_date": date(2024, 12, 1)}
    said = (
        "clv_network: network new is not the one that was judged, so {} scores; "
        "train again: dbt build --vars '{{retrain: true}}'\n"
    )
    began = time.monotonic()
    assert scorer(older, damaged) == "good"
    assert capsys.readouterr().out == said.format("network good")
    assert scorer(damaged) is None
    assert capsys.readouterr().out == said.format("the prior")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_is_no_network_does_not_score_whatever_its_digest(
    row: dict, name: str
) -> None:
    weights = IMPOSSIBLE[name](row["weights"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    with pytest.raises(DamagedNetworkError) as raised:
        Network.from_bytes(weights)
    assert time.monotonic() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert len(str(raised.value).splitlines()) == 1
    assert scorer(judged(**row | {"weights": weights})) is None


def test_a_prior_that_cannot_be_read_does_not_score(
    row: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scorer(judged(**row | {"prior": '{"purchases": {"bg_nbd": {}}}'})) is None
    assert "network good has a prior that cannot be read" in capsys.readouterr().out


def test_the_network_that_was_judged_scores(
    row: dict, capsys: pytest.CaptureFixture[str]
) -> None:
    assert scorer(row) == "good"
    assert capsys.readouterr().out == ""

"""Tests which changes change a fingerprint, and which do not."""

import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from clv_warehouse.learning.fingerprints import code_fingerprint, data_fingerprint

MODULE = "shop.clv.training"
TRAINING = "import numpy\n\ndef train():\n    from shop.clv import network\n"


@pytest.fixture
def package(tmp_path):
    """Training imports the network late, and the network the arrays, in a circle."""
    package = tmp_path / "shop"
    (package / "clv").mkdir(parents=True)
    for name, text in {
        "__init__": "",
        "clv/__init__": "",
        "clv/training": TRAINING,
        "clv/network": "import shop.arrays\nWIDTH = 3\n",
        "arrays": "import shop.clv.network\nSIZE = 1\n",
        "page": "COLOUR = 'red'\n",
    }.items():
        (package / f"{name}.py").write_text(text)
    return package


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clv/training", "import numpy\n\ndef train():\n    import shop.clv.network\n"),
        ("clv/network", "import shop.arrays\nWIDTH = 4\n"),
        ("arrays", "import shop.clv.network\nSIZE = 2\n"),
    ],
)
def test_code_that_training_reaches_changes_its_fingerprint(package, name, text):
    before = code_fingerprint(MODULE, package)
    (package / f"{name}.py").write_text(text)
    assert code_fingerprint(MODULE, package) != before


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("page", "COLOUR = 'blue'\n"),
        (
            "clv/network",
            '"""A network."""\n\nimport shop.arrays\n\nWIDTH = 3  # wide\n',
        ),
        (
            "clv/training",
            "import numpy\n\n\ndef train():\n    '''Train.'''\n"
            "    from shop.clv import (\n        network,\n    )\n",
        ),
    ],
)
def test_what_explains_code_and_other_code_do_not(package, name, text):
    before = code_fingerprint(MODULE, package)
    (package / f"{name}.py").write_text(text)
    assert code_fingerprint(MODULE, package) == before


def test_a_module_that_is_not_there_is_named(package):
    with pytest.raises(FileNotFoundError, match=r"shop\.clv\.trainer"):
        code_fingerprint("shop.clv.trainer", package)


def test_a_fingerprint_of_code_runs_none_of_it():
    code = (
        "import sys; from clv_warehouse.learning.fingerprints import code_fingerprint; "
        "code_fingerprint('clv_warehouse.clv.training'); "
        "print({'tensorflow', 'keras', 'clv_warehouse.clv.training'} & {*sys.modules})"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"


def test_every_array_counts_and_so_does_its_place():
    numbers, texts = np.arange(3.0), pa.array(["a", "b"])
    found = [
        data_fingerprint(arrays)
        for arrays in (
            [numbers, texts],
            [texts, numbers],
            [numbers, None, texts],
            [numbers.astype(np.float32), texts],
            [numbers, pa.array(["a", "c"])],
            [numbers + 1, texts],
        )
    ]
    assert len({*found}) == len(found)
    assert data_fingerprint([np.arange(3.0), pa.array(["a", "b"])]) == found[0]

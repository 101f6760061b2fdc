"""What is committed for each proto file is what `make protos` makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from target_services.protos import make

ROOT = Path(make.__file__).parents[2]
GENERATED = ("_pb2.py", "_pb2.pyi", ".binpb")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("grpc_tools", reason="grpcio-tools is not installed; `./setup.sh test` brings it")
    folder = tmp_path_factory.mktemp("protos")
    make.make(folder)
    return folder


def _generated(root: Path) -> dict[str, bytes]:
    files = (root / "target_services" / "protos").iterdir()
    return {file.name: file.read_bytes() for file in files if file.name.endswith(GENERATED)}


def test_generated_files_are_those_of_the_proto_files(made: Path) -> None:
    """After a change of a proto file: `make protos`."""
    assert _generated(made) == _generated(ROOT)


def test_there_is_one_of_each_for_each_proto_file(made: Path) -> None:
    sources = {file.stem for file in (ROOT / "target_services" / "protos").glob("*.proto")}
    assert {source + end for source in sources for end in GENERATED} == set(_generated(made))

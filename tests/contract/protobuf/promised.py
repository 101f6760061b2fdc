"""The descriptors that are promised: those of the last change that was taken in. A change that breaks none is taken in
by

    python -m tests.contract.protobuf.promised
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

from tests.contract.protobuf.rules import broken

ROOT = Path(__file__).parents[3]
PROMISED = Path(__file__).with_name("promised")


def protos() -> Iterator[Path]:
    """Yield all proto files of the shop."""
    yield from sorted((ROOT / "target_services").rglob("*.proto"))


def compiled(source: Path, root: Path = ROOT) -> FileDescriptorSet:
    """Return the descriptors of a proto file as it is now."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "set.binpb"
        code = protoc.main(["protoc", f"--proto_path={root}", f"--descriptor_set_out={out}", str(source)])
        if code != 0:
            raise ValueError(f"{source} cannot be compiled")
        return FileDescriptorSet.FromString(out.read_bytes())


def promised(source: Path) -> FileDescriptorSet:
    """Return what was promised of a proto file; nothing where it is new."""
    file = _file(source)
    return FileDescriptorSet.FromString(file.read_bytes()) if file.exists() else FileDescriptorSet()


def main() -> int:
    """Take in what breaks no promise; say what does, and exit with 1."""
    problems = []
    for source in protos():
        now = compiled(source)
        if found := broken(promised(source), now):
            problems += found
        else:
            _file(source).write_bytes(now.SerializeToString(deterministic=True))
    sys.stderr.write("".join(f"{problem}\n" for problem in problems))
    return 1 if problems else 0


def _file(source: Path) -> Path:
    return PROMISED / f"{source.stem}.binpb"


if __name__ == "__main__":
    sys.exit(main())

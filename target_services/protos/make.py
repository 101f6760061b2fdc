"""Makes the modules, their types and the descriptor set of each proto file. Needs grpcio-tools: development only."""

from __future__ import annotations

import sys
from pathlib import Path

PROTOS = Path(__file__).parent


def make(folder: Path) -> None:
    """Write what belongs to each proto file to where its package is below `folder`."""
    from grpc_tools import protoc  # noqa: PLC0415 - nothing else here needs it

    root = PROTOS.parent.parent
    for source in sorted(PROTOS.glob("*.proto")):
        descriptors = folder / source.relative_to(root).with_suffix(".binpb")
        descriptors.parent.mkdir(parents=True, exist_ok=True)
        words = [f"--proto_path={root}", f"--python_out={folder}", f"--pyi_out={folder}"]
        words += [f"--descriptor_set_out={descriptors}", str(source)]
        if protoc.main(["protoc", *words]) != 0:
            raise SystemExit(1)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else PROTOS.parent.parent)

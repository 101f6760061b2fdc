"""How much a default installation takes on disk, with byte code: a wheel of this project in a new environment.

.venv/bin/python benchmarks/installed_size.py
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
LARGEST = 12


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        environment = Path(name) / "venv"
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        python = environment / "bin" / "python"
        before = size(environment)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--compile", PROJECT], check=True)
        packages = next(environment.glob("lib/python*/site-packages"))
        by_folder: dict[str, int] = defaultdict(int)
        for file in packages.rglob("*"):
            if file.is_file():
                by_folder[file.relative_to(packages).parts[0]] += file.stat().st_size
        total = size(environment)
    print(f"{platform.system()} {platform.machine()}, Python {platform.python_version()}\n")
    print(f"| what | MB |\n|---|---|\n| whole environment | {total / 1e6:.0f} |")
    print(f"| of it pip, as an empty environment has it | {before / 1e6:.0f} |")
    for folder, used in sorted(by_folder.items(), key=lambda entry: -entry[1])[:LARGEST]:
        print(f"| {folder} | {used / 1e6:.1f} |")


def size(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file() and not file.is_symlink())


if __name__ == "__main__":
    main()

"""The documentation tells the truth: links lead somewhere, commands exist, generated pages and schemas are current."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import typer.core
from ruamel.yaml import YAML

from tests.documented import ROOT, Command, commands, pages
from workbench.cli.app import app
from workbench.gating import read_policy
from workbench.loading.locations import scenario_files

SCHEMAS = ROOT / "docs" / "reference" / "schemas"
SHOP = ROOT / "target_services"
CI = ROOT / "docs" / "how-to" / "ci"
TUTORIAL = ROOT / "docs" / "tutorial" / "own-services"
GOLDEN = ROOT / "tests" / "golden"

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)|!\[[^\]]*\]\((?P<image>[^)\s]+)\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def test_generated_pages_are_what_the_code_says() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stdout + done.stderr), "`make docs` writes them again"


# -- links ----------------------------------------------------------------------------------------------


def links() -> Iterator[tuple[Path, str]]:
    for page in pages():
        text = _FENCED.sub("", page.read_text(encoding="utf-8"))
        for match in _LINK.finditer(text):
            target = match["target"] or match["image"]
            if not re.match(r"[a-z]+:", target):
                yield page, target


def anchors(page: Path) -> set[str]:
    """Return the anchors that headings get: lower case, no punctuation, hyphens for spaces."""
    headings = re.findall(r"^#+ (.+)$", _FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_argument_in_the_pages_has_a_name() -> None:
    assert "| `` |" not in (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")


def test_every_link_leads_somewhere() -> None:
    found = list(links())
    assert len(found) > 20, "links were not found: this test is blind"
    broken = []
    for page, target in found:
        file, _, anchor = target.partition("#")
        to = (page.parent / file).resolve() if file else page
        if not to.exists() or (anchor and to.suffix == ".md" and anchor not in anchors(to)):
            broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert [] == broken


# -- commands -------------------------------------------------------------------------------------------

GROUP = typer.main.get_command(app)
assert isinstance(GROUP, typer.core.TyperGroup)
KNOWN = GROUP.commands


def parsed(command: Command) -> str | None:
    """Parse a command as the program would, without running it. Returns what is wrong."""
    name, *words = command.words
    if name not in KNOWN:
        return f"{command}: there is no command {name}"
    try:
        KNOWN[name].make_context(name, list(words))
    except typer.TyperException as error:
        return f"{command}: {error.format_message()}"
    except typer.Exit:  # --help
        return None
    return None


def with_what_it_needs(command: Command) -> Command:
    """Prose says `workbench report` for the command as such; then it is not a line to be typed."""
    name, *words = command.words
    if words or name not in KNOWN:
        return command
    needed = [p.name or "x" for p in KNOWN[name].params if p.required and isinstance(p, typer.core.TyperArgument)]
    return Command(command.file, command.line, " ".join(["workbench", name, *needed]))


def test_every_documented_command_is_one() -> None:
    found = list(commands())
    assert len(found) > 40, "commands were not found: this test is blind"
    wrong = [parsed(with_what_it_needs(command)) for command in found]
    assert [] == [text for text in wrong if text]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("workbench rum latency-spike", "no command rum"),
        ("workbench run latency-spike --bugs breaker-off", "--bugs"),
        ("workbench run latency-spike --seed x", "--seed"),
        ("workbench gate reports/latest extra", "extra"),
    ],
)
def test_a_wrong_command_would_be_found(text: str, says: str) -> None:
    assert says in str(parsed(Command("page.md", 1, text)))


def test_documented_scenarios_and_bugs_exist() -> None:
    """`workbench run NAME --bug NAME` in a page names what there is; files that a reader writes are left out."""
    bugs = set(YAML(typ="safe").load(SHOP / "system.yaml")["bugs"])
    wrong = []
    for command in commands():
        name, *words = command.words
        if name in ("run", "plan") and words and not words[0].startswith("-"):
            scenario = words[0]
            known = scenario in scenario_files() or (ROOT / scenario).is_file()
            if not known and not scenario.isupper() and scenario != "my.yaml":
                wrong.append(f"{command}: no scenario {scenario}")
        planted = {words[i + 1] for i, word in enumerate(words[:-1]) if word == "--bug"}
        wrong += [f"{command}: no bug {bug}" for bug in planted - bugs if not bug.isupper()]
    assert [] == wrong


# -- CI files -------------------------------------------------------------------------------------------

STEP = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "uses": {"type": "string", "pattern": r"^[\w.-]+/[\w./-]+@v\d+"},
        "run": {"type": "string", "minLength": 1},
        "if": {"type": "string", "pattern": r"^\$\{\{ .+ \}\}$"},
        "with": {"type": "object"},
        "env": {"type": "object"},
    },
    "oneOf": [{"required": ["uses"]}, {"required": ["run"]}],
    "additionalProperties": False,
}
GITHUB = {
    "type": "object",
    "required": ["name", "on", "permissions", "jobs"],
    "properties": {
        "on": {"type": ["array", "object", "string"]},
        "jobs": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "required": ["runs-on", "timeout-minutes", "steps"],
                "properties": {
                    "runs-on": {"type": "string"},
                    "timeout-minutes": {"type": "integer", "minimum": 5},
                    "steps": {"type": "array", "minItems": 1, "items": STEP},
                },
            },
        },
    },
}
GITLAB_JOB = {
    "type": "object",
    "required": ["image", "timeout", "script", "artifacts"],
    "properties": {
        "script": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "after_script": {"type": "array", "items": {"type": "string"}},
        "artifacts": {"type": "object", "required": ["when", "paths"], "properties": {"when": {"const": "always"}}},
    },
}


def yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def test_the_github_workflow_is_one_and_keeps_what_a_failed_run_says() -> None:
    workflow = yaml(CI / "github.yaml")
    jsonschema.validate(workflow, GITHUB)
    for job in workflow["jobs"].values():
        ran = next(i for i, step in enumerate(job["steps"]) if "workbench run" in step.get("run", ""))
        for step in job["steps"][ran + 1 :]:
            assert "if" in step, f"{step['name']} would be skipped after a run that FAILs"
            assert "success()" not in step["if"]


def test_the_gitlab_job_is_one_and_keeps_the_run_directory() -> None:
    (job,) = yaml(CI / "gitlab.yaml").values()
    jsonschema.validate(job, GITLAB_JOB)
    assert "reports/" in job["artifacts"]["paths"]


def test_the_policies_in_the_pages_are_valid(tmp_path: Path) -> None:
    texts = [
        match[1]
        for page in pages()
        for match in re.finditer(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        if "inconclusive:" in match[1]
    ]
    assert texts
    for text in texts:
        file = tmp_path / "gate.yaml"
        file.write_text(text, encoding="utf-8")
        read_policy(file)


# -- schemas --------------------------------------------------------------------------------------------


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


FILES = [
    *(("scenario", path) for path in sorted((ROOT / "scenarios").glob("*.yaml"))),
    *(("slo", path) for path in sorted((ROOT / "scenarios" / "slos").glob("*.yaml"))),
    *(("slo", path) for path in sorted((SHOP / "slos").glob("*.yaml"))),
    ("system", SHOP / "system.yaml"),
    ("system", TUTORIAL / "system.yaml"),
    ("scenario", TUTORIAL / "late-rates.yaml"),
    ("slo", TUTORIAL / "converted.yaml"),
    *(("run", path) for path in sorted(GOLDEN.glob("*/run.json"))),
    *(("verdict", path) for path in sorted(GOLDEN.glob("*/verdict.json"))),
    *(("policies", path) for path in sorted(GOLDEN.glob("*/policies.json"))),
]


@pytest.mark.parametrize(("kind", "path"), FILES, ids=[str(path.relative_to(ROOT)) for _, path in FILES])
def test_committed_schemas_accept_the_committed_files(kind: str, path: Path) -> None:
    """An editor that completes and checks by the schema must not mark a file that the workbench takes."""
    text = schema(kind)
    jsonschema.Draft202012Validator.check_schema(text)
    data = json.loads(path.read_text(encoding="utf-8")) if path.suffix == ".json" else yaml(path)
    errors = [f"{e.json_path}: {e.message}" for e in jsonschema.Draft202012Validator(text).iter_errors(data)]
    assert [] == errors


@pytest.mark.parametrize(("kind", "path"), [*FILES[:1], ("system", SHOP / "system.yaml")])
def test_committed_schemas_refuse_an_unknown_key(kind: str, path: Path) -> None:
    errors = list(jsonschema.Draft202012Validator(schema(kind)).iter_errors(yaml(path) | {"nonsense": 1}))
    assert errors


def test_every_kind_of_file_was_looked_at() -> None:
    kinds = {"scenario", "slo", "system", "run", "verdict"}
    assert kinds <= {kind for kind, _ in FILES}

"""A YAML file is read as plain data with lines, or refused with a clear word; it runs nothing, and fills no memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarfloat import ScalarFloat
from ruamel.yaml.scalarstring import ScalarString

from workbench.errors import InvalidInput
from workbench.loading.source import change, nearest, read, read_json_list
from workbench.loading.validated import validated
from workbench.model.base import Frozen


class _Keyed(Frozen):
    a: Frozen


def refused(path: Path) -> str:
    with pytest.raises(InvalidInput) as raised:
        read(path)
    (problem,) = raised.value.problems
    return str(problem)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "x.yaml"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"a: 1\nb: [1, 2\nc: 3\n", "x.yaml:3: is not valid YAML: "),
        (b"a: 1\n\tb: 2\n", "x.yaml:2: is not valid YAML: found character '\\t' that cannot start any token"),
        (b"a: 1\nb: 2\na: 3\n", "x.yaml:3: is not valid YAML: found duplicate key"),
        (b"a: {b: 1, b: 2}\n", "x.yaml:1: is not valid YAML: found duplicate key"),
        (b"a: *gone\n", "x.yaml:1: is not valid YAML: found undefined alias"),
        (b"a: 1\n---\nb: 2\n", "x.yaml:2: is not valid YAML: but found another document"),
        (b"- a\n- b\n", "x.yaml:1: has to be a mapping (`key: value` lines)"),
        (b"just words\n", "x.yaml:1: has to be a mapping"),
        (b"17\n", "x.yaml:1: has to be a mapping"),
        (b"a: caf\xe9\n", "x.yaml: is not UTF-8 text (byte 6)"),
        (b"a: 1\nb: \x00\n", "x.yaml:2: is not valid YAML: character '\\x00' is not allowed"),
        (b'a: "\\UFFFFFFFF"\n', "x.yaml: is not valid YAML: a value cannot be read: "),
        (b"&whole\na: *whole\n", "x.yaml: an alias (`*name`) refers to what it stands in"),
    ],
)
def test_what_is_no_mapping_is_refused_with_its_line(file: Path, content: bytes, told: str) -> None:
    file.write_bytes(content)
    assert refused(file).startswith(told), refused(file)


NO_VALUES = {
    "2026-02-30": "'2026-02-30' is no timestamp: day is out of range for month",
    "9" * 5000: f"'{'9' * 57}...' is no int: ",
    "0x" + "f" * 5000: f"'0x{'f' * 55}...' is no int: ",
    "0x_": "'0x_' is no int",
    "!!int abc": "'abc' is no int: ",
    "!!float abc": "'abc' is no float: ",
    "!!bool abc": "'abc' is no bool",
}


@pytest.mark.parametrize("value", NO_VALUES)
def test_a_value_that_is_none_is_refused_with_its_line(file: Path, value: str) -> None:
    file.write_text(f"a: 1\nb: [2, {value}]\n")
    assert refused(file).startswith(f"x.yaml:2: is not valid YAML: {NO_VALUES[value]}")


@pytest.mark.parametrize("value", NO_VALUES)
def test_a_value_that_is_none_is_refused_as_a_change_too(value: str) -> None:
    with pytest.raises(InvalidInput, match="is not a YAML value"):
        change({"a": 1}, "a", value, option="--set")


def test_a_number_of_too_many_digits_in_json_has_its_line(file: Path) -> None:
    file.write_text('[\n{"port": ' + "9" * 5000 + "}]\n")
    with pytest.raises(InvalidInput, match=r"x\.yaml:2: .*'9{57}\.\.\.' is no int"):
        read_json_list(file, "proxies")


def test_a_key_that_is_no_text_is_told_with_its_line(file: Path) -> None:
    file.write_text("a:\n\n  null: 2\n  1.5: 3\n  7: 4\n  2026-01-01: 5\n  ? [x, y]\n  : 6\n")
    with pytest.raises(InvalidInput) as raised:
        validated(read(file), _Keyed)
    assert [
        "x.yaml:3: a.None: keys have to be text; put it in quotes (got None)",
        "x.yaml:4: a.1.5: keys have to be text; put it in quotes (got 1.5)",
        "x.yaml:5: a.7: keys have to be text; put it in quotes (got 7)",
        "x.yaml:6: a.2026-01-01: keys have to be text; put it in quotes (got datetime.date(2026, 1, 1))",
        "x.yaml:7: a.('x', 'y'): keys have to be text; put it in quotes (got ('x', 'y'))",
    ] == [str(problem) for problem in raised.value.problems]


def test_what_cannot_be_read_is_told(file: Path) -> None:
    assert "x.yaml: cannot be read: No such file or directory" == refused(file)
    file.mkdir()
    assert "x.yaml: cannot be read: Is a directory" == refused(file)


def test_an_empty_file_says_nothing(file: Path) -> None:
    """What it should say is then missing, key by key, in the words of whoever needs it."""
    for content in ("", "# only a comment\n", "---\n"):
        file.write_text(content)
        assert {} == read(file).data


def test_a_byte_order_mark_is_no_key(file: Path) -> None:
    file.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert {"a": 1} == read(file).data


def test_aliases_that_multiply_are_refused_before_they_fill_the_memory(file: Path) -> None:
    """Nine aliases of nine aliases, nine times over, are a billion values in a file of one kilobyte."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    file.write_text("\n".join(lines))
    assert "x.yaml: has more than 100,000 values" in refused(file)


def test_what_is_nested_too_deep_is_refused(file: Path) -> None:
    file.write_text("a: " + "[" * 600 + "]" * 600)
    assert "x.yaml: is nested too deep" == refused(file)


def test_a_file_that_is_far_too_large_is_refused_unread(file: Path) -> None:
    with file.open("wb") as huge:
        huge.truncate(3_000_000_000)  # sparse: takes no room
    assert "x.yaml: is too large: more than 256 KiB" == refused(file)


def test_a_tag_runs_nothing(file: Path) -> None:
    """Safe loading: a file cannot make objects, and what it asks for is not made into something else unsaid."""
    file.write_text("a: !!python/object/apply:os.system ['touch owned']\nb: 1\n")
    read(file)
    assert not (file.parent / "owned").exists()


def test_values_are_plain_python(file: Path) -> None:
    """The same as a program would make: no class of the parser reaches a model, an output or another process."""
    file.write_text(
        "a: 'quoted'\nb: 0.50\nc: 0x1F\nd: true\ne: null\nf: [1, {g: |-\n  text}]\n".replace("|-\n  text", '"t"')
    )
    data = read(file).data
    assert {"a": "quoted", "b": 0.5, "c": 31, "d": True, "e": None, "f": [1, {"g": "t"}]} == data
    assert not any(isinstance(value, (ScalarString, ScalarFloat, CommentedMap)) for value in (*data.values(), data))


def test_the_line_of_a_place_is_that_of_its_deepest_part_in_the_file(file: Path) -> None:
    file.write_text("a:\n  b:\n    - c: 1\n    - d: 2\n")
    source = read(file)
    assert [1, 2, 4, 4, 2] == [
        source.line(place) for place in (("a",), ("a", "b"), ("a", "b", 1, "d"), ("a", "b", 1, "gone"), ("a", "b", 7))
    ]


def test_what_comes_by_a_merge_has_the_line_of_what_it_is_merged_into(file: Path) -> None:
    file.write_text("base: &base {x: 1}\nother:\n  <<: *base\n  y: 2\n")
    source = read(file)
    assert 2 == source.line(("other", "x"))
    assert {"x": 1, "y": 2} == source.data["other"]


def test_a_path_is_shown_as_short_as_it_can_be(file: Path, tmp_path: Path) -> None:
    file.write_text("- x\n")
    assert refused(file).startswith("x.yaml:1")
    outside = tmp_path.parent / f"{tmp_path.name}-outside.yaml"
    outside.write_text("- x\n")
    assert refused(outside).startswith(f"{outside}:1")


def test_a_value_is_changed_by_key_number_or_name() -> None:
    data = {"faults": [{"id": "slow", "delay": "1s"}], "expect": [{"kind": "recovers"}], "n": [1, 2]}
    assert ("faults", 0, "delay") == change(data, "faults.slow.delay", "2s", option="--set")
    assert ("expect", 0, "within") == change(data, "expect.recovers.within", "5", option="--set")
    assert ("n", 1) == change(data, "n.1", "[7]", option="--set")
    assert {
        "faults": [{"id": "slow", "delay": "2s"}],
        "expect": [{"kind": "recovers", "within": 5}],
        "n": [1, [7]],
    } == data


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("fault.slow", "--set: fault.slow: there is no 'fault'; did you mean 'faults'? there are: faults"),
        ("faults.slo.delay", "there is no 'faults.slo'; did you mean 'slow'? there are: slow"),
        ("faults.1", "there is no 'faults.1'; there are: slow"),
        ("faults.slow.delay.x", "--set: faults.slow.delay.x: there is no 'faults.0.delay.x'"),
        ("faults.\u00b2", "there is no 'faults.\u00b2'; there are: slow"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_with_what_is_there(path: str, told: str) -> None:
    data = {"faults": [{"id": "slow", "delay": "1s"}]}
    with pytest.raises(InvalidInput) as raised:
        change(data, path, "1", option="--set")
    assert told in str(raised.value.problems[0])
    assert {"faults": [{"id": "slow", "delay": "1s"}]} == data


def test_the_nearest_names_come_first_and_all_are_named() -> None:
    assert "; did you mean 'latency'? there are: latency, refuse" == nearest("latncy", ["latency", "refuse"])
    assert "; there are: latency, refuse" == nearest("x", ["latency", "refuse"])
    assert "" == nearest("x", [])

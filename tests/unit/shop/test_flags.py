from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import structlog
from openfeature import api
from openfeature.exception import TypeMismatchError
from structlog.testing import capture_logs

import target_services
from target_services.chassis.flags import DEFAULTS, MEANINGS, Flag, Flags
from target_services.chassis.flags_file import FileProvider
from tests.unit.shop.clocks import FakeClock

NAMES = frozenset({"a", "b"})


class Switches:
    """A file of flags, and a provider that looks at it when the clock says so."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "flags.json"
        self._clock = FakeClock()
        self._written = 0
        self.provider = FileProvider(self.file, NAMES, clock_s=self._clock)

    def write(self, text: str) -> None:
        self.file.write_text(text)
        self._written += 1
        os.utime(self.file, ns=(self._written, self._written))  # two writes within a tick of the file system
        self._clock.forward(1)

    def remove(self) -> None:
        self.file.unlink()
        self._clock.forward(1)

    def on(self, name: str = "a", *, default: bool = False) -> bool:
        return self.provider.resolve_boolean_details(name, default).value


@pytest.fixture
def switches(tmp_path: Path) -> Switches:
    structlog.reset_defaults()
    return Switches(tmp_path)


def test_a_flag_is_switched_by_writing_the_file(switches: Switches) -> None:
    """On, off, and what the file does not say has its default."""
    switches.write('{"a": true}')
    assert switches.on("a") is True
    switches.write('{"a": false}')
    assert switches.on("a", default=True) is False
    assert [switches.on("b", default=default) for default in (True, False)] == [True, False]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', '{"a": "false"}', '{"c": true}', '{"a": null}'])
def test_a_bad_file_keeps_the_last_good_values_and_says_so_once(switches: Switches, text: str) -> None:
    switches.write('{"a": true}')
    assert switches.on() is True
    with capture_logs() as logs:
        switches.write(text)
        assert [switches.on(), switches.on()] == [True, True]
    (line,) = logs
    assert (line["log_level"], line["file"]) == ("error", str(switches.file))


def test_all_that_is_wrong_is_said_at_once(switches: Switches) -> None:
    with capture_logs() as logs:
        switches.write('{"a": 1, "c": true}')
        switches.on()
    assert "there is no flag 'c'" in logs[0]["error"]
    assert "a is 1, not true or false" in logs[0]["error"]


def test_a_file_that_goes_keeps_the_last_good_values(switches: Switches) -> None:
    switches.write('{"a": true}')
    assert switches.on() is True
    switches.remove()
    assert switches.on() is True
    switches.write('{"a": false}')
    assert switches.on() is False


def test_a_file_that_is_not_there_leaves_the_defaults(switches: Switches) -> None:
    assert [switches.on(default=default) for default in (True, False)] == [True, False]


def test_the_file_is_not_looked_at_for_each_question(switches: Switches) -> None:
    """Within a quarter of a second the last look counts: asking is cheap."""
    switches.write('{"a": true}')
    assert switches.on() is True
    switches.file.write_text('{"a": false}')
    assert switches.on() is True


def test_flags_are_true_or_false(switches: Switches) -> None:
    """Asked for as anything else, the SDK answers the default and not something made up."""
    with pytest.raises(TypeMismatchError):
        switches.provider.resolve_string_details("a", "x")
    api.set_provider(switches.provider, domain="strings")
    assert api.get_client(domain="strings").get_integer_value("a", 7) == 7


def test_services_in_one_process_have_flags_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"hedged-reads": false}')
    one, other = Flags("one", tmp_path / "one.json"), Flags("other", None)
    assert [flags.is_on(Flag.HEDGED_READS) for flags in (one, other)] == [False, True]


def test_the_file_that_comes_with_the_shop_says_what_holds_anyway() -> None:
    """Every flag has a default and a meaning, and the file repeats the defaults, to be edited."""
    document = json.loads((Path(target_services.__file__).parent / "flags.json").read_text())
    assert document == {flag.value: default for flag, default in DEFAULTS.items()}
    assert set(DEFAULTS) == set(MEANINGS) == set(Flag)

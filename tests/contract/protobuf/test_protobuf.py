"""Whoever was built against an older proto file goes on understanding; each rule was seen to fail."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.protobuf.promised import PROMISED, compiled, promised, protos
from tests.contract.protobuf.rules import broken

THING = """
syntax = "proto3";
package shop.thing.v1;
service Things { rpc Get(Query) returns (Thing); rpc Put(Thing) returns (Thing); }
message Query { int32 id = 1; }
message Thing {
  reserved 9;
  reserved "weight";
  int32 id = 1;
  string name = 2;
  repeated string tags = 3;
  optional int64 size = 4;
  oneof place { string shelf = 5; string box = 6; }
  Colour colour = 7;
  message Part { int32 number = 1; }
  Part part = 8;
}
enum Colour { NONE = 0; RED = 1; BLUE = 2; }
"""

BREAKS = {
    "a removed field": (
        "  string name = 2;\n",
        "",
        "Thing.name = 2: removed, and its number and name are not reserved",
    ),
    "a number without its name": ("  string name = 2;\n", "  reserved 2;\n", "Thing.name = 2: removed"),
    "a number used again": ("string name = 2", "string title = 2", "the number is used for title now"),
    "another type": ("int32 id = 1;\n  string", "int64 id = 1;\n  string", "Thing.id = 1: was int32, is int64"),
    "another message": ("Part part = 8", "Query part = 8", "is .shop.thing.v1.Query"),
    "one for many": ("repeated string tags", "string tags", "Thing.tags = 3: repeated or optional"),
    "never missing": ("optional int64", "int64", "Thing.size = 4: repeated or optional"),
    "out of its oneof": ("string box = 6; }", "} string box = 6;", "was in oneof place, is in None"),
    "a number given free": ("  reserved 9;\n", "", "Thing: 9 is reserved no more"),
    "a name given free": ('  reserved "weight";\n', "", "the name weight is reserved no more"),
    "a removed field within": ("message Part { int32 number = 1; }", "message Part {}", "Part.number = 1: removed"),
    "a removed message": ("Query", "Question", "shop.thing.v1.Query: the message is gone"),
    "a removed value": (" BLUE = 2;", "", "Colour.BLUE = 2: removed"),
    "a value used again": ("BLUE = 2", "GREEN = 2", "Colour.BLUE = 2: the number is used for GREEN now"),
    "a removed enum": ("Colour", "Color", "shop.thing.v1.Colour: the enum is gone"),
    "a removed method": (" rpc Put(Thing) returns (Thing);", "", "Things.Put: the method is gone"),
    "another question": ("rpc Get(Query)", "rpc Get(Thing)", "Things.Get: was (.shop.thing.v1.Query)"),
    "a stream": ("(Query) returns (Thing)", "(Query) returns (stream Thing)", "returns (stream"),
    "a removed service": ("service Things {", "service Goods {", "shop.thing.v1.Things: the service is gone"),
    "another package": ("package shop.thing.v1", "package shop.thing.v2", "shop.thing.v1.Thing: the message is gone"),
}

KEEPS = {
    "nothing": ("", ""),
    "a field more": ("Part part = 8;", "Part part = 8; string note = 10;"),
    "a field less, kept free": ("  string name = 2;\n", '  reserved 2; reserved "name";\n'),
    "a value more": ("BLUE = 2;", "BLUE = 2; GREEN = 3;"),
    "a value less, kept free": ("BLUE = 2;", 'reserved 2; reserved "BLUE";'),
    "a method more": ("service Things {", "service Things { rpc List(Query) returns (stream Thing);"),
    "a message more": ("message Query", "message Other { int32 id = 1; } message Query"),
}


@pytest.mark.parametrize("source", list(protos()), ids=lambda source: source.stem)
def test_a_proto_file_keeps_what_was_promised(source: Path) -> None:
    now = compiled(source)
    assert broken(promised(source), now) == []
    assert promised(source) == now, "`python -m tests.contract.protobuf.promised` takes the change in"


def test_every_promise_belongs_to_a_file() -> None:
    assert {file.stem for file in PROMISED.iterdir()} == {source.stem for source in protos()}


@pytest.mark.parametrize(("said", "instead", "problem"), BREAKS.values(), ids=list(BREAKS))
def test_a_broken_promise_is_found(tmp_path: Path, said: str, instead: str, problem: str) -> None:
    found = changed(tmp_path, said, instead)
    assert any(problem in line for line in found), found


@pytest.mark.parametrize(("said", "instead"), KEEPS.values(), ids=list(KEEPS))
def test_what_old_readers_understand_is_allowed(tmp_path: Path, said: str, instead: str) -> None:
    assert changed(tmp_path, said, instead) == []


def changed(folder: Path, said: str, instead: str) -> list[str]:
    assert said in THING
    texts = {"old": THING, "new": THING.replace(said, instead)}
    sets = []
    for name, text in texts.items():
        source = folder / name / "thing.proto"
        source.parent.mkdir()
        source.write_text(text)
        sets.append(compiled(source, source.parent))
    return broken(*sets)

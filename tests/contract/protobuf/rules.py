"""What a proto file must not do to those who were built against an older one, on the wire or in JSON.

The rules are those of Buf's category WIRE_JSON, as far as our files need them; Buf itself is no Python package of its
makers, and what it would download has no place in a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
    ServiceDescriptorProto,
)


def broken(old: FileDescriptorSet, new: FileDescriptorSet) -> list[str]:
    """Return what of the old promises the new files do not keep, each in one line; nothing when all are kept."""
    return [
        *_messages(dict(_all_messages(old)), dict(_all_messages(new))),
        *_enums(dict(_all_enums(old)), dict(_all_enums(new))),
        *_services(dict(_all_services(old)), dict(_all_services(new))),
    ]


def _messages(old: Mapping[str, DescriptorProto], new: Mapping[str, DescriptorProto]) -> Iterator[str]:
    for name, before in old.items():
        if name not in new:
            yield f"{name}: the message is gone"
        else:
            yield from _fields(name, before, new[name])


def _fields(message: str, old: DescriptorProto, new: DescriptorProto) -> Iterator[str]:
    fields = {field.number: field for field in new.field}
    reserved = _numbers(new)
    for field in old.field:
        where = f"{message}.{field.name} = {field.number}"
        if field.number in fields:
            yield from _field(where, field, fields[field.number], old, new)
        elif field.number not in reserved or field.name not in new.reserved_name:
            yield f"{where}: removed, and its number and name are not reserved"
    for number in sorted(_numbers(old) - reserved):
        yield f"{message}: {number} is reserved no more"
    for name in sorted(set(old.reserved_name) - set(new.reserved_name)):
        yield f"{message}: the name {name} is reserved no more"


def _field(
    where: str, old: FieldDescriptorProto, new: FieldDescriptorProto, before: DescriptorProto, after: DescriptorProto
) -> Iterator[str]:
    if old.name != new.name:
        yield f"{where}: the number is used for {new.name} now"
    if (old.type, old.type_name) != (new.type, new.type_name):
        yield f"{where}: was {_type(old)}, is {_type(new)}"
    if (old.label, old.proto3_optional) != (new.label, new.proto3_optional):
        yield f"{where}: repeated or optional no longer as it was"
    if _oneof(old, before) != _oneof(new, after):
        yield f"{where}: was in oneof {_oneof(old, before)}, is in {_oneof(new, after)}"


def _enums(old: Mapping[str, EnumDescriptorProto], new: Mapping[str, EnumDescriptorProto]) -> Iterator[str]:
    for name, before in old.items():
        if name not in new:
            yield f"{name}: the enum is gone"
            continue
        values = {value.number: value.name for value in new[name].value}
        reserved = {n for span in new[name].reserved_range for n in range(span.start, span.end + 1)}
        for value in before.value:
            where = f"{name}.{value.name} = {value.number}"
            if value.number not in values:
                if value.number not in reserved or value.name not in new[name].reserved_name:
                    yield f"{where}: removed, and its number and name are not reserved"
            elif values[value.number] != value.name:
                yield f"{where}: the number is used for {values[value.number]} now"


def _services(old: Mapping[str, ServiceDescriptorProto], new: Mapping[str, ServiceDescriptorProto]) -> Iterator[str]:
    for name, before in old.items():
        if name not in new:
            yield f"{name}: the service is gone"
            continue
        methods = {method.name: method for method in new[name].method}
        for method in before.method:
            if method.name not in methods:
                yield f"{name}.{method.name}: the method is gone"
            elif _signature(method) != _signature(methods[method.name]):
                yield f"{name}.{method.name}: was {_signature(method)}, is {_signature(methods[method.name])}"


def _all_messages(files: FileDescriptorSet) -> Iterator[tuple[str, DescriptorProto]]:
    for file in files.file:
        yield from _nested(file.package, file.message_type)


def _nested(outer: str, messages: Iterable[DescriptorProto]) -> Iterator[tuple[str, DescriptorProto]]:
    for message in messages:
        name = f"{outer}.{message.name}"
        yield name, message
        yield from _nested(name, message.nested_type)


def _all_enums(files: FileDescriptorSet) -> Iterator[tuple[str, EnumDescriptorProto]]:
    for file in files.file:
        yield from ((f"{file.package}.{enum.name}", enum) for enum in file.enum_type)
    for name, message in _all_messages(files):
        yield from ((f"{name}.{enum.name}", enum) for enum in message.enum_type)


def _all_services(files: FileDescriptorSet) -> Iterator[tuple[str, ServiceDescriptorProto]]:
    for file in files.file:
        yield from ((f"{file.package}.{service.name}", service) for service in file.service)


def _numbers(message: DescriptorProto) -> set[int]:
    """Return the reserved numbers; unlike an enum's, these ranges leave out their end."""
    return {number for span in message.reserved_range for number in range(span.start, span.end)}


def _oneof(field: FieldDescriptorProto, message: DescriptorProto) -> str | None:
    real = field.HasField("oneof_index") and not field.proto3_optional
    return message.oneof_decl[field.oneof_index].name if real else None


def _type(field: FieldDescriptorProto) -> str:
    return field.type_name or FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()


def _signature(method: MethodDescriptorProto) -> str:
    sent = ("stream " if method.client_streaming else "") + method.input_type
    got = ("stream " if method.server_streaming else "") + method.output_type
    return f"({sent}) returns ({got})"

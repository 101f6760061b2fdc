from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class GetStockRequest(_message.Message):
    __slots__ = ("product_id",)
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    product_id: int
    def __init__(self, product_id: _Optional[int] = ...) -> None: ...

class Stock(_message.Message):
    __slots__ = ("product_id", "on_hand")
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    ON_HAND_FIELD_NUMBER: _ClassVar[int]
    product_id: int
    on_hand: int
    def __init__(self, product_id: _Optional[int] = ..., on_hand: _Optional[int] = ...) -> None: ...

class ReserveRequest(_message.Message):
    __slots__ = ("key", "product_id", "quantity")
    KEY_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    key: str
    product_id: int
    quantity: int
    def __init__(self, key: _Optional[str] = ..., product_id: _Optional[int] = ..., quantity: _Optional[int] = ...) -> None: ...

class ReservationKey(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: str
    def __init__(self, key: _Optional[str] = ...) -> None: ...

class Reservation(_message.Message):
    __slots__ = ("id", "state", "product_id", "quantity")
    ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_ID_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    id: str
    state: str
    product_id: int
    quantity: int
    def __init__(self, id: _Optional[str] = ..., state: _Optional[str] = ..., product_id: _Optional[int] = ..., quantity: _Optional[int] = ...) -> None: ...

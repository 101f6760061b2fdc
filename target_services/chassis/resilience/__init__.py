"""What stands between a caller and a remote callee: one small mechanism per module, composed in `edge`.

    deadline -> fallback -> hedge -> retry with budget -> breaker -> bulkhead -> per-attempt timeout -> wire

Retry is outside the breaker, so an open breaker ends the retries. The bulkhead is inside it, so its
rejections do not trip it. Every mechanism can be used alone, and takes its clock from outside.
"""

"""Embedded telemetry, in a process of its own: scrapes metrics, receives spans, measures processes, keeps rows.

It judges nothing and knows no service; what it keeps is what was measured, with secrets masked.
"""

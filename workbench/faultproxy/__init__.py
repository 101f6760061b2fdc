"""The built-in fault plane: a process of its own that stands on every edge, counts attempts and injects faults.

Layers, each below the next: bytes (`heads`, `bodies`, `pipe`), what travels on a connection (`http_stream`,
`raw_stream`, `connection`), where connections come from (`listener`, `edge`), what is on (`active_fault`,
`plane`), how it is told (`control`, `toxiproxy`). Kinds of faults live in `workbench.model.faults`; nothing
here names one.
"""

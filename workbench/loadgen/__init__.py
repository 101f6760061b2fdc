"""The load child: Locust users driven by a schedule of arrivals (open model). Runs only as a process of its own.

Importing Locust patches the standard library (gevent), so nothing outside this package may import it.
"""

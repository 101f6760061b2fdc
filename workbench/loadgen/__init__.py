"""The load child: Locust users driven by a schedule of arrivals (open model). Always a process of its own.

Importing Locust patches the standard library (gevent), so nothing outside this package may import it.
"""

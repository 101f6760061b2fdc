"""What all our pages share: the words of events, the time axis, the map of a system, charts, colours, and one style.

The report and the live page are made of it, and the terminal takes its words. Nothing here reads a run.
"""

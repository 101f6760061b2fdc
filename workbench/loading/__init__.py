"""Files to models: finds them, reads them, and reports all their problems at once with file, line and path."""

"""The job floor: records, queue, workers and the embedded server. Knows no HTTP."""

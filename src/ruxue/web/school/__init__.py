"""Pages of schools: the queue, files, results, classes."""

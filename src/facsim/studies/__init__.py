"""Published studies, one a file, and the workflow that they and the command line share."""

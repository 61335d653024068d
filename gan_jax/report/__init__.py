"""Reports: the story of runs as one HTML page that opens offline."""

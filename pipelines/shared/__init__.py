"""What the jobs share: reports, signals, settings of runs, the scan of photos."""

"""Files on this machine: read without trust, written so that no half file is ever left behind."""

"""Raw data, verified and prepared: fetch.py and prepare.py are the two commands, README.md the description."""

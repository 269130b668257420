"""Files that outlast a power cut, locks, and the home folder of Thaw. No torch here."""

"""What `voiced dial` is made of: a list of people, what became of each, and who calls them one after the other."""

"""Unicorn management: takes completed rides in, keeps them, and says that they happened."""

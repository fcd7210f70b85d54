"""Wild Rydes with a relay that sends nothing a second time: a negative control."""

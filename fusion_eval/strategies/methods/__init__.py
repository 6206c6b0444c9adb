"""The strategies themselves, one file each. What they share stands in the folder above."""

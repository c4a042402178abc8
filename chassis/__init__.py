"""What every process stands on.

Door policy: enters only what at least two processes use today and what contains no business word.
"""

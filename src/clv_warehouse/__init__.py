"""The library of the CLV warehouse; CONTRIBUTING.md says what each folder holds."""

import os

# Threads of a matrix product wait for each other in a loop, which costs CPU: on two
# busy cores past_totals took 15 CPU seconds with them and takes 7 without. Models run
# side by side anyway. OpenBLAS reads this when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

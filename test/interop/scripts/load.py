"""100 rows of 100 floats from each of several processes; online or offline. Tells the seconds that all of them took."""

import os
import subprocess
import sys
import time

import wandb
from tell import tell

if len(sys.argv) > 4:
    name, rows = sys.argv[1], int(sys.argv[3])
    run = wandb.init(project="interop", id=name)
    for i in range(rows):
        run.log({f"m{k}": i + k / 128 for k in range(100)})
    run.finish()
else:
    prefix, count, rows = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    began = time.time()
    children = [subprocess.Popen([sys.executable, __file__, f"{prefix}{n}", "1", rows, "child"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for n in range(count)]
    tell("codes", [child.wait() for child in children])
    tell("seconds", time.time() - began)

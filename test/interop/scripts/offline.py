"""A run that is only a file, and its sending."""

import glob
import os
import subprocess
import sys

import numpy as np
import wandb
from tell import tell

os.environ["WANDB_MODE"] = "offline"
run = wandb.init(project="interop", id=sys.argv[1], config={"lr": 0.5})
for i in range(200):
    run.log({"row": i, "odd": float("nan")})
run.log({"image": wandb.Image(np.zeros((8, 8, 3), dtype=np.uint8))})
print("written offline")
run.finish()
os.environ.pop("WANDB_MODE")
(folder,) = glob.glob(os.path.join(os.environ["WANDB_DIR"], "wandb", "offline-run-*-" + sys.argv[1]))
for _ in range(2):
    done = subprocess.run([sys.executable, "-m", "wandb", "sync", "--include-synced", folder], capture_output=True, text=True)
    print(done.stdout, done.stderr)
    tell("code", done.returncode)

"""Rows from one number to another; `die` ends the process in the middle, without a word."""

import sys
import time

import wandb
from tell import tell

name, first, last, how = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
resume = None if len(sys.argv) < 6 else sys.argv[5]
run = wandb.init(project="interop", id=name, resume=resume, config={"part": first})
for i in range(first, last):
    run.log({"row": i})
print(f"console of {first}")
if how == "die":
    run.summary["died"] = True
    while True:
        run.log({"waiting": 1})
        print("IS WAITING", flush=True)
        time.sleep(0.2)
if how == "stop":
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        tell("stopped", True)
        raise
run.finish(exit_code=3 if how == "fail" else 0)

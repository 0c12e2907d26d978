"""A run, a fork of it, and the run itself taken back to a step."""

import wandb

with wandb.init(project="interop", id="trunk") as run:
    for i in range(6):
        run.log({"row": i})
with wandb.init(project="interop", id="fork", fork_from="trunk?_step=2") as run:
    run.log({"row": 30})
with wandb.init(project="interop", id="trunk", resume_from="trunk?_step=3") as run:
    run.log({"row": 40})

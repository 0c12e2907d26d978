"""A small run whose exchanges are recorded."""

import wandb
from tell import tell

run = wandb.init(project="interop", id="recorded", name="recorded", config={"lr": 0.1}, settings=wandb.Settings(disable_git=True, save_code=False))
for i in range(5):
    run.log({"loss": i / 2, "odd": float("nan")})
run.log({"table": wandb.Table(columns=["n"], data=[[1], [2]])})
made = wandb.Artifact("data", type="dataset")
with made.new_file("a.txt") as file:
    file.write("alpha")
run.log_artifact(made).wait()
print("a line")
run.finish()
api = wandb.Api()
again = api.run("local/interop/recorded")
list(again.scan_history())
again.history(keys=["loss"], pandas=False)
[f.name for f in again.files()]
api.artifact("local/interop/data:latest").manifest
tell("version", wandb.__version__)

"""What wandb.Api() reads of a run that basics.py has logged, and edits of it."""

import sys

import wandb
from tell import tell

api = wandb.Api()
path = "local/interop/" + sys.argv[1]
run = api.run(path)
tell("run", {"name": run.name, "state": run.state, "tags": run.tags, "group": run.group, "lr": run.config["lr"], "best": run.summary["best"], "user": run.user.username})
tell("history", [[row.get("_step"), row.get("loss")] for row in run.history(samples=1000, pandas=False)])
tell("few", len(run.history(samples=10, pandas=False)))
tell("sampled", [[row["_step"], row["loss"], row["nested.b.c"]] for row in run.history(keys=["loss", "nested.b.c"], pandas=False)])
tell("scan", [row["_step"] for row in run.scan_history()])
tell("scan_small", [row["_step"] for row in run.scan_history(page_size=7)])
tell("scan_keys", [[row["_step"], row["loss"]] for row in run.scan_history(keys=["_step", "loss"], page_size=7)])
tell("system", len(run.history(stream="system", pandas=False)) > 0)
tell("files", sorted(f.name for f in run.files()))
tell("metadata", "python" in run.metadata)
with run.file("my notes Ω.txt").download(root=sys.argv[2], replace=True) as file:
    tell("text", file.read())
tell("missing", api.runs("local/interop", filters={"config.lr": 17}) is not None and len(api.runs("local/interop", filters={"config.lr": 17})))
tell("filtered", [r.id for r in api.runs("local/interop", filters={"$and": [{"config.lr": {"$gt": 0.05}}, {"tags": {"$in": ["b"]}}, {"display_name": {"$regex": "^Gr"}}]})])
tell("ordered", [r.id for r in api.runs("local/interop", order="+created_at", per_page=1)])
tell("reversed", [r.id for r in api.runs("local/interop", order="-created_at", per_page=1)])
run.config["edited"] = 7
run.tags.append("later")
run.notes = "changed"
run.update()
run.summary["best"] = 0.75
run.summary.update({"late": 2})
again = wandb.Api().run(path)
tell("edited", [again.config["edited"], again.config["lr"], again.tags, again.notes, again.summary["best"], again.summary["late"]])
tell("projects", [p.name for p in api.projects("local")])
upload = run.upload_file(run.file("my notes Ω.txt").download(root=sys.argv[2], replace=True).name, root=sys.argv[2])
run.file("my notes Ω.txt").delete()
tell("deleted_file", "my notes Ω.txt" in [f.name for f in wandb.Api().run(path).files()])
again.delete()
try:
    wandb.Api().run(path).state
    tell("gone", False)
except Exception as error:
    tell("gone", True)

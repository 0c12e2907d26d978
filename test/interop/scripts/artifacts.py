"""Artifacts and tables: logged, used by another run, read back and deleted."""

import pathlib
import sys

import wandb
from tell import tell

folder = pathlib.Path(sys.argv[1])
source = folder / "source"
source.mkdir()
(source / "a.txt").write_text("alpha")
(source / "sub").mkdir()
(source / "sub" / "b Ω.bin").write_bytes(bytes(range(256)) * 1000)
with wandb.init(project="interop", id="maker") as run:
    for content in ["alpha", "alpha", "beta"]:
        (source / "a.txt").write_text(content)
        made = wandb.Artifact("data", type="dataset", description="text", metadata={"rows": 3})
        made.add_dir(str(source))
        made.add_reference("https://example.invalid/x.bin", name="ref.bin", checksum=False)
        run.log_artifact(made, aliases=["best"]).wait()
    run.log({"table": wandb.Table(columns=["n", "name"], data=[[1, "a"], [2, "b"]])})
    run.log({"plot": wandb.plot.line(wandb.Table(columns=["x", "y"], data=[[1, 2], [3, 4]]), "x", "y")})
with wandb.init(project="interop", id="user") as run:
    used = run.use_artifact("data:best")
    tell("used", [used.version, used.type, used.description, used.metadata, sorted(used.aliases), used.size > 256000])
    got = pathlib.Path(used.download(root=str(folder / "got"), skip_cache=True))
    tell("same", [(got / "a.txt").read_text(), (got / "sub" / "b Ω.bin").read_bytes() == (source / "sub" / "b Ω.bin").read_bytes()])
    first = run.use_artifact("data:v0")
    tell("first", pathlib.Path(first.download(root=str(folder / "first"), skip_cache=True)).joinpath("a.txt").read_text())
api = wandb.Api()
tell("made", sorted(f"{a.type}" for a in api.run("local/interop/maker").logged_artifacts()))
tell("inputs", sorted(a.name for a in api.run("local/interop/user").used_artifacts()))
table = api.artifact("local/interop/run-maker-table:latest").get("table")
tell("table", [table.columns, table.data])
tell("by", [api.artifact("local/interop/data:v1").logged_by().id, [r.id for r in api.artifact("local/interop/data:v1").used_by()]])
edited = api.artifact("local/interop/data:v0")
edited.aliases.append("old")
edited.description = "changed"
edited.save()
tell("edited", [api.artifact("local/interop/data:old").version, api.artifact("local/interop/data:old").description])
api.artifact("local/interop/data:v0").delete(delete_aliases=True)
try:
    api.artifact("local/interop/data:v0")
    tell("gone", False)
except Exception:
    tell("gone", True)

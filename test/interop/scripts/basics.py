"""One run of everything that is not an artifact."""

import hashlib
import pathlib
import sys
import time

import numpy as np
import wandb
from tell import tell

run = wandb.init(
    project="interop",
    id=sys.argv[1],
    name="Größe Ω",
    group="g",
    job_type="train",
    tags=["a", "b"],
    notes="some notes",
    config={"lr": 0.1, "model": {"layers": 3}, "nan": float("nan")},
)
run.define_metric("epoch")
run.define_metric("val/*", step_metric="epoch", summary="min,max")
for i in range(50):
    run.log({"loss": 1 / (i + 1), "nested": {"a": i, "b": {"c": -i}}, "val/acc": i / 50, "epoch": i // 10, "größe/Ω": i})
run.log({"odd": float("nan"), "up": float("inf"), "down": float("-inf"), "big": 2**53 + 1, "text": "ü\u2028", "flag": True, "list": [1, 2, 3]})
pixels = (np.arange(48 * 64 * 3) % 255).reshape(48, 64, 3).astype(np.uint8)
run.log(
    {
        "image": wandb.Image(pixels, caption="one"),
        "images": [wandb.Image(pixels, caption=str(n)) for n in range(3)],
        "histogram": wandb.Histogram(np.arange(100)),
        "html": wandb.Html("<p>hello</p>", inject=False),
        "points": wandb.Object3D(np.arange(30).reshape(10, 3)),
    }
)
masked = wandb.Image(
    pixels,
    masks={"truth": {"mask_data": np.ones((48, 64), dtype=np.uint8), "class_labels": {1: "road"}}},
    boxes={"found": {"box_data": [{"position": {"minX": 0.1, "maxX": 0.2, "minY": 0.1, "maxY": 0.2}, "class_id": 1}], "class_labels": {1: "car"}}},
)
run.log({"masked": masked}, step=60)
run.log({"late": 1}, step=59)
run.config.update({"added": [1, None]}, allow_val_change=True)
run.summary["best"] = 0.5
run.summary.update({"deep": {"x": 1}})
folder = pathlib.Path(run.dir)
(folder / "my notes Ω.txt").write_text("saved by hand", encoding="utf8")
run.save(str(folder / "my notes Ω.txt"), base_path=str(folder), policy="end")
run.alert("Title", "Text", level=wandb.AlertLevel.WARN)
print("a line of the console")
for n in range(1000):
    sys.stdout.write(f"\rprogress {n}")
sys.stdout.write("\n")
print("error line", file=sys.stderr)
time.sleep(float(sys.argv[2]) if len(sys.argv) > 2 else 2)
tell("dir", run.dir)
run.finish()
tell("files", {str(p.relative_to(folder).as_posix()): hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.rglob("*") if p.is_file()})

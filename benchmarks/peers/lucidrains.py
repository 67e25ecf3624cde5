"""denoising-diffusion-pytorch: its README's Unet and GaussianDiffusion, with the loop and the settings of its Trainer."""

import sys
from importlib.metadata import version
from types import ModuleType

import accelerate  # noqa: F401  looks for torchvision when it is imported, so it comes before the stand-in
import torch
from track import Competitor, drawn, run, shuffled


class Absent(ModuleType):
    """In place of torchvision, which its file-reading Dataset and its contact sheets need, and nothing else."""

    def __getattr__(self, name):
        raise AttributeError(f"the race needs no torchvision, but {self.__name__}.{name} was used")


sys.modules["torchvision"] = torchvision = Absent("torchvision")
torchvision.transforms, torchvision.utils = Absent("torchvision.transforms"), Absent("torchvision.utils")

from denoising_diffusion_pytorch import GaussianDiffusion, Unet  # noqa: E402
from ema_pytorch import EMA  # noqa: E402

DDIM = 50
# name: (dim, batch, learning rate)
SIZES = {"lucidrains": (64, 16, 1e-4), "lucidrains_small": (32, 64, 1e-3)}


def make(x, job):
    dim, batch, lr = SIZES[job["name"]]
    unet = Unet(dim=dim, dim_mults=(1, 2, 4), channels=1, flash_attn=True)
    diffusion = GaussianDiffusion(unet, image_size=28, timesteps=1000, sampling_timesteps=DDIM)
    optimizer = torch.optim.Adam(diffusion.parameters(), lr=lr, betas=(0.9, 0.99))
    ema = EMA(diffusion, beta=0.995, update_every=10)
    batches = shuffled((x + 1) / 2, batch)  # it maps 0..1 to -1..1 itself
    # the README trains with amp=True; here only where the processor is faster with it
    amp = job["precision"] == "bfloat16"

    def learn() -> int:
        diffusion.train()
        pictures = next(batches)
        with torch.autocast("cpu", torch.bfloat16, enabled=amp):
            loss = diffusion(pictures)
        loss.item()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        ema.update()
        return len(pictures)

    def draw(n):
        ema.ema_model.eval()
        return drawn(n, 50, lambda k: ema.ema_model.sample(batch_size=k)) * 2 - 1

    changed = [
        "1 channel and 28 x 28, so dim_mults without the 8, since 28 halves only twice",
        "pictures from memory instead of files, and no mirror images, which digits have not",
        f"samples by its DDIM with {DDIM} steps instead of the README's 250",
    ]
    if job["name"] != "lucidrains":
        changed.append(f"our guess at a size for two cores: dim {dim}, batch {batch}, lr {lr:g}")
    about = {
        "recipe": f"Unet dim {dim}, GaussianDiffusion (v, sigmoid schedule), Trainer's settings: Adam {lr:g}, batch {batch}, clip 1, EMA 0.995 every 10, {job['precision']}",
        "changed": "; ".join(changed),
        "versions": {p: version(p) for p in ("denoising-diffusion-pytorch", "ema-pytorch", "einops")},
    }
    return Competitor(learn, draw, unet, about)


run(make)

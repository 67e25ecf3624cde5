"""The Hugging Face diffusion course: UNet2DModel and DDPMScheduler, with the networks and loops of two of its notebooks.

course_unit1: "Introduction to Diffusers", made for butterflies of 32 x 32.
course_unit2: "Making a Class-Conditioned Diffusion Model", made for MNIST, here without its classes.
"""

from importlib.metadata import version

import torch
from diffusers import DDIMScheduler, DDPMScheduler, UNet2DModel
from torch.nn import functional as F
from track import Competitor, drawn, run, shuffled

DDIM = 50


def unit1(x):
    net = UNet2DModel(
        sample_size=32,
        in_channels=1,
        out_channels=1,
        layers_per_block=2,
        block_out_channels=(64, 128, 128, 256),
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
    )
    about = {
        "recipe": "UNet2DModel (64, 128, 128, 256), eps, squaredcos_cap_v2, AdamW 4e-4, batch 64, no EMA",
        "changed": "1 channel; digits padded from 28 to 32 and samples cropped; pictures from memory, no mirror images; "
        f"samples by DDIMScheduler with {DDIM} steps instead of 1000",
    }
    padded = F.pad(x, (2, 2, 2, 2), value=-1.0)
    return net, torch.optim.AdamW(net.parameters(), lr=4e-4), shuffled(padded, 64), 1000, about


def unit2(x):
    net = UNet2DModel(
        sample_size=28,
        in_channels=1,
        out_channels=1,
        layers_per_block=2,
        block_out_channels=(32, 64, 64),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    )
    about = {
        "recipe": "UNet2DModel (32, 64, 64), eps, squaredcos_cap_v2, Adam 1e-3, batch 128, no EMA",
        "changed": "without the 4 input channels that name the class; pictures from memory; "
        f"samples by DDIMScheduler with {DDIM} steps instead of 1000",
    }
    return net, torch.optim.Adam(net.parameters(), lr=1e-3), shuffled(x, 128), 999, about


def make(x, job):
    net, optimizer, batches, times, about = {"course_unit1": unit1, "course_unit2": unit2}[job["name"]](x)
    noising = DDPMScheduler(num_train_timesteps=1000, beta_schedule="squaredcos_cap_v2")

    def learn() -> int:
        clean = next(batches)
        noise = torch.randn_like(clean)
        t = torch.randint(0, times, (len(clean),))
        loss = F.mse_loss(net(noising.add_noise(clean, noise, t), t, return_dict=False)[0], noise)
        # unit 1 does hand the loss to its own backward, which scales the gradient; Adam hardly notices
        loss.backward(loss.detach() if job["name"] == "course_unit1" else None)
        loss.item()
        optimizer.step()
        optimizer.zero_grad()
        return len(clean)

    @torch.no_grad()
    def walk(n):
        steps = DDIMScheduler.from_config(noising.config)
        steps.set_timesteps(DDIM)
        size = net.config.sample_size
        x = torch.randn(n, 1, size, size)
        for t in steps.timesteps:
            x = steps.step(net(x, t).sample, t, x).prev_sample
        edge = (size - 28) // 2
        return x[..., edge : edge + 28, edge : edge + 28].clamp(-1, 1)

    def draw(n):
        net.eval()
        x = drawn(n, 50, walk)
        net.train()
        return x

    return Competitor(learn, draw, net, about | {"versions": {"diffusers": version("diffusers")}})


run(make)

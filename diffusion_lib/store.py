"""Weights on disk: safetensors (numbers only, nothing that runs) and a card that says where they come from.

save("mine.safetensors", model, card(data="digits", seconds=120, seed=0))
model = load("mine.safetensors")        # or load("mnist"): shipped with the package, see NAMES
model.card["command"]
"""

from __future__ import annotations

import json
import platform
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor, nn

from . import families
from .ddpm import Denoiser
from .diffusion import Schedule
from .files import expanded, write
from .nets import Classifier
from .values import need, plain

FOLDER = Path(__file__).parent / "weights"
FORMAT = "diffusion_lib 1"
ALSO = {"sprites": "sprites32"}  # a shorter name for shipped weights
BITS = (32, 16, 8)  # of a number on disk
SCALE = " / scale"  # behind a tensor's name, of the scales of its parts
PART = 64  # so many numbers share a scale: fewer are rounded more finely, and take more room
SMALL = 2**14  # a matrix of so many numbers or fewer has 16 bits: the last one is, which it costs most to round


def names() -> list[str]:
    """The shipped weights that `load` knows by name."""
    return sorted(path.stem for path in FOLDER.glob("*.safetensors"))


def card(**facts) -> dict:
    """The facts, and what this machine knows by itself: versions, kind of machine. Values are text and numbers."""
    from importlib.metadata import version

    device = facts.pop("device", torch.device("cpu"))
    threads = f"{torch.get_num_threads()} threads of {_processor()}"
    kind = torch.cuda.get_device_name(device) if device.type == "cuda" else threads
    versions = {name: version(name) for name in ("diffusion_lib", "torch", "numpy")}
    return facts | {"machine": kind, "versions": versions | {"python": platform.python_version()}}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration, IndexError):
        return platform.processor() or platform.machine()


def history(card: dict) -> list[dict]:
    """The cards of all trainings that led to these weights, the first one first: train --start goes on from other weights."""
    return [*(history(card["start"]) if "start" in card else []), card]


def save(path, model: nn.Module, card: dict, bits: int = 32) -> Path:
    """Write a Denoiser, a Classifier or one of the families' NETS with its card; the file appears whole or not at all. Returns its path.

    bits: of a number on disk, one of BITS; `load` gives 32 back. 16: half the size. 8: hardly more than a quarter; each PART
    numbers of a matrix, or of a kernel, are then whole numbers from -127 to 127 and a scale; what is no matrix or SMALL has 16
    bits. The rounding moves every answer a little to one side; `train --start FILE --biases` lets the biases learn around it.
    """
    from safetensors.torch import save as to_bytes

    need(bits in BITS, f"A number is stored with 32, 16 or 8 bits, but got bits = {bits!r}.")
    path, net = expanded(path), model.net if isinstance(model, Denoiser) else model
    stored = [_stored(k, v.detach().cpu(), bits) for k, v in net.state_dict().items()]
    tensors = {k: v.contiguous() for pair in stored for k, v in pair.items()}
    if broken := [k for k, v in tensors.items() if not bool(v.isfinite().all())]:
        what = f"do not all fit into {bits} bits" if bits < 32 else "are not numbers any more"
        raise ValueError(f"These weights {what} ({broken[0]} has NaN or infinity): nothing was written to {path}.")
    about = {"format": FORMAT, "net": type(net).__name__, "config": net.config, "card": card}
    about["sha256"] = _fingerprint(tensors)
    if isinstance(model, Denoiser):
        about["denoiser"] = {"predicts": model.predicts, "schedule": model.schedule.name}
        tensors["alpha_bar"] = model.schedule.alpha_bar.clone()
    write(path, to_bytes(tensors, {"diffusion_lib": _json(about)}))
    return path


def load(source, device="cpu") -> nn.Module:
    """Weights from a file, or shipped ones by name (see `names`), as the model that was saved (see `save`), with its `.card`.

    Raises FileNotFoundError or ValueError with one sentence if the file is missing, broken, or from another program.
    """
    name = ALSO.get(str(source), str(source))
    path = FOLDER / f"{name}.safetensors" if name in names() else expanded(source)
    if not path.is_file():
        raise FileNotFoundError(
            f"There are no weights {str(source)!r}: give a file that `save` wrote, or one of {', '.join(names())}."
        )
    about, tensors = _read(path)
    try:
        extra, card = about.get("denoiser"), dict(about["card"])
        alpha_bar = tensors.pop("alpha_bar") if extra else None
        need(_fingerprint(tensors) == about["sha256"], "its numbers are not the ones that were saved")
        with plain():
            net = _nets()[about["net"]](**about["config"])
        net.load_state_dict(_restored(tensors))
        net.card = card
        model = Denoiser(net, Schedule(alpha_bar, extra["schedule"]), extra["predicts"], card) if extra else net
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise ValueError(f"The weights in {path} are damaged ({why}): get or train them again.") from error
    return model.to(device).eval().requires_grad_(False)


def _stored(name: str, v: Tensor, bits: int) -> dict[str, Tensor]:
    """The numbers as they are written, and with 8 bits the scales of their parts: part = scale * whole numbers."""
    if bits == 8 and v.ndim > 1 and v.numel() > SMALL:
        rows = v.float().flatten(1)
        parts = rows.reshape(-1, PART) if rows.shape[1] % PART == 0 else rows
        scale = parts.abs().amax(1) / 127  # (parts,); a part of zeros stays one, whatever its scale
        whole = (parts / scale.clamp(min=1e-30)[:, None]).round().to(torch.int8)
        return {name: whole.view(v.shape), name + SCALE: scale}
    return {name: v if bits == 32 else v.to(torch.float16)}


def _restored(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Numbers of 32 bits; how many of a matrix share a scale, the number of scales says."""

    def whole(name: str, v: Tensor) -> Tensor:
        if v.dtype != torch.int8:
            return v.float()
        scale = tensors[name + SCALE]
        return (v.float().reshape(len(scale), -1) * scale[:, None]).view(v.shape)

    return {k: whole(k, v) for k, v in tensors.items() if not k.endswith(SCALE)}


def _nets() -> dict[str, type[nn.Module]]:
    """Every network that can come out of a file, by its class's name."""
    return {net.__name__: net for f in families.FAMILIES.values() for net in f.NETS} | {"Classifier": Classifier}


def _json(about: dict) -> str:
    """Numbers of NumPy and torch are numbers too."""
    try:
        number = lambda value: value.item() if getattr(value, "ndim", 1) == 0 else value.tolist()
        return json.dumps(about, default=number)
    except (TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"A card holds text, numbers and lists of them, but this one does not ({error}).") from None


def _read(path: Path) -> tuple[dict, dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            text = (file.metadata() or {}).get("diffusion_lib", "{}")
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{path} is not a whole safetensors file ({error}): get or train it again.") from error
    about = None
    with suppress(ValueError):
        about = json.loads(text)
    said = f"{path} was not written by this version of diffusion_lib ({FORMAT}): its card is missing or foreign."
    need(isinstance(about, dict) and about.get("format") == FORMAT, said)
    return about, tensors


def _fingerprint(tensors: dict[str, Tensor]) -> str:
    digest = sha256()
    for name in sorted(tensors):
        digest.update(name.encode() + tensors[name].numpy().tobytes())
    return digest.hexdigest()

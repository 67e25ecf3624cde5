"""Would the tests notice? Makes one classic slip at a time in a copy of the package and runs the tests of the mathematics on it.

    python benchmarks/mutants.py          # about five minutes on two cores; writes benchmarks/mutants.json

A slip that no test catches is a hole in the tests; the program then exits with 1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parent.parent
TESTS = ["tests/test_diffusion.py", "tests/test_oracle.py", "tests/test_against_diffusers.py"]
D, O = "diffusion_lib/diffusion.py", "diffusion_lib/oracle.py"

# (what the slip is, file, the right line's part, the wrong one)
SLIPS = [
    ("alpha_bar table in float32", D, "torch.as_tensor(self.alpha_bar, dtype=torch.float64).cpu()", "torch.as_tensor(self.alpha_bar).float().double().cpu()"),
    ("betas made for T = 1000 used for any T", D, "torch.exp(-(0.1 * u + 9.95 * u**2))", "torch.exp(-(0.1 * u * (len(u) - 1) / 1000 + 9.95 * (u * (len(u) - 1) / 1000) ** 2))"),
    ("cosine not squared", D, "1.008 * math.pi / 2) ** 2", "1.008 * math.pi / 2)"),
    ("alpha_bar read one place late", D, "a = self.alpha_bar[t]\n", "a = self.alpha_bar[(t + 1).clamp(max=self.T)]\n"),
    ("alpha_bar instead of alpha in a step", D, "return schedule.at(t, like) / schedule.at(t - 1, like, lowest=0)", "return schedule.at(t, like)"),
    ("step: square root of beta forgotten", D, "alpha.sqrt().to(xs) * xs + (1 - alpha).sqrt().to(xs) * eps", "alpha.sqrt().to(xs) * xs + (1 - alpha).to(xs) * eps"),
    ("step: picture not shrunk", D, "alpha.sqrt().to(xs) * xs + (1 - alpha)", "xs + (1 - alpha)"),
    ("jump: 1 - sqrt(alpha_bar) for sqrt(1 - alpha_bar)", D, "a.sqrt().to(x0) * x0 + (1 - a).sqrt().to(x0) * eps", "a.sqrt().to(x0) * x0 + (1 - a.sqrt()).to(x0) * eps"),
    ("jump: signal and noise swapped", D, "a.sqrt().to(x0) * x0 + (1 - a).sqrt().to(x0) * eps", "(1 - a).sqrt().to(x0) * x0 + a.sqrt().to(x0) * eps"),
    ("log density: variance for its root", D, "torch.log(2 * math.pi * var)", "torch.log(2 * math.pi * var**0.5)"),
    ("log density: counted once, not per number", D, "x[0].numel() * torch.log", "torch.log"),
    ("chain: jump instead of step", D, "log_q_step(path[t], path[t - 1], t, schedule)", "log_q_jump(path[t], path[0], t, schedule)"),
    ("posterior mean's weights swapped", D, "(as_.sqrt() * (1 - step) / (1 - at)).to(xt) * x0 + (step.sqrt() * (1 - as_) / (1 - at)).to(xt) * xt", "(as_.sqrt() * (1 - step) / (1 - at)).to(xt) * xt + (step.sqrt() * (1 - as_) / (1 - at)).to(xt) * x0"),
    ("v with the wrong sign", D, '"v": signal * eps - noise * x0', '"v": signal * eps + noise * x0'),
    ("score not divided by the noise", D, '"score": -eps / noise', '"score": -eps'),
    ("posterior variance: beta for beta_tilde", D, "beta_tilde = (1 - as_) / (1 - at) * beta", "beta_tilde = beta"),
    ("posterior variance: s and t swapped", D, "beta_tilde = (1 - as_) / (1 - at) * beta", "beta_tilde = (1 - at) / (1 - as_).clamp(min=1e-9) * beta"),
    ("beta of one step used for a strided one", D, "    beta = 1 - at / as_\n", "    beta = 1 - at / schedule.at(t - 1, xt, lowest=0)\n"),
    ("direction forgets sigma", D, "(1 - eta**2 * beta / (1 - at))", "(1 - 0 * beta / (1 - at))"),
    ("eta not squared", D, "(1 - eta**2 * beta / (1 - at))", "(1 - eta * beta / (1 - at))"),
    ("variance used as sigma", D, "(beta**v * beta_tilde ** (1 - v)).sqrt()", "(beta**v * beta_tilde ** (1 - v))"),
    ("noise added at the last step", D, " * (as_ < 1).to(beta.device)", ""),
    ("x0_hat clipped after the mean", D, "        x0_hat = x0_hat.clamp(-clip, clip)\n", "        pass\n"),
    ("eps_hat not made again after clipping", D, '        eps_hat = convert(x0_hat, "x0", "eps", xt, t, schedule)\n', ""),
    ("model told where the step lands", D, "torch.full((len(xt),), t,", "torch.full((len(xt),), s,"),
    ("walk stops before the data", D, "round(self.T * (n - i) / n) for i in range(n + 1)", "round(self.T * (n - i) / n) for i in range(n)"),
    ("walk starts below T", D, "round(self.T * (n - i) / n) for i in range(n + 1)", "round((self.T - 1) * (n - i) / n) for i in range(n + 1)"),
    ("noise not drawn where sigma is 0", D, "step = reverse_step(xt, eps_hat, t, s, schedule, randn_like(xt, generator), eta, v, clip)", "step = reverse_step(xt, eps_hat, t, s, schedule, randn_like(xt, generator) if eta else torch.zeros_like(xt), eta, v, clip)"),
    ("oracle: means not scaled by sqrt(alpha_bar)", O, "d2 = a * torch.cdist(x / a.sqrt(), m", "d2 = torch.cdist(x, m"),
    ("oracle: weights forgotten", O, " + self.log_w.to(m)", ""),
    ("oracle: variance of the modes forgotten", O, "d = a * self.var + 1 - a\n", "d = 1 - a + 0 * a\n"),
    ("oracle: the nearest picture, not the average", O, "logits.softmax(1), a.sqrt()", "torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).to(logits), a.sqrt()"),
]  # fmt: skip


def caught(slip) -> dict:
    """Run the tests on a copy with this one slip; which test noticed first?"""
    what, file, right, wrong = slip
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("diffusion_lib", "tests", "pyproject.toml"):
            (shutil.copytree if (ROOT / part).is_dir() else shutil.copy)(ROOT / part, copy / part)
        source = (copy / file).read_text(encoding="utf-8")
        if source.count(right) != 1:
            raise SystemExit(
                f"{what}: the line to break stands {source.count(right)} times in {file}: mend this list."
            )
        (copy / file).write_text(source.replace(right, wrong), encoding="utf-8")
        run = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *TESTS],
            cwd=copy, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
    failed = [
        line.split()[1].split("::")[-1]
        for line in run.stdout.splitlines()
        if line.startswith(("FAILED", "ERROR"))
    ]
    return {"slip": what, "file": file, "caught": run.returncode == 1, "by": failed[0] if failed else ""}


def main() -> int:
    start = time.time()
    with ThreadPoolExecutor(2) as pool:
        results = []
        for result in pool.map(caught, SLIPS):
            results.append(result)
            print(
                f"{'caught' if result['caught'] else 'MISSED':7} {result['slip']:55} {result['by']}",
                flush=True,
            )
    n = sum(r["caught"] for r in results)
    print(f"{n} of {len(results)} slips caught in {time.time() - start:.0f} s")
    report = {"caught": n, "of": len(results), "seconds": round(time.time() - start), "slips": results}
    (ROOT / "benchmarks" / "mutants.json").write_text(json.dumps(report, indent=1) + "\n")
    return 0 if n == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())

"""Would the tests notice? Makes one classic slip at a time in a copy of the package and runs the tests of the mathematics on it.

    python benchmarks/mutants.py          # about eight minutes on two cores; writes benchmarks/mutants.json

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
TRAINING = ["tests/test_training.py"]
D, O = "diffusion_lib/diffusion.py", "diffusion_lib/oracle.py"
T, P, M = "diffusion_lib/train.py", "diffusion_lib/ddpm.py", "diffusion_lib/metrics.py"
G, V, A = "diffusion_lib/gan.py", "diffusion_lib/vae.py", "diffusion_lib/arena.py"
OWN = {
    G: ["tests/test_gan.py"],
    V: ["tests/test_vae.py"],
    A: ["tests/test_arena.py"],
    M: ["tests/test_metrics.py"],
}

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
    ("log density: counted once, not per number", D, "d2 / var + torch.log(2 * math.pi * var)", "d2 / var + torch.log(2 * math.pi * var) / x[0].numel()"),
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
    ("noise added at the last step", D, "(as_ < 1).to(sigma.device), sigma, 0.0", "(as_ <= 1).to(sigma.device), sigma, 0.0"),
    ("x0_hat clipped after the mean", D, "        x0_hat = x0_hat.clamp(-clip, clip)\n", "        pass\n"),
    ("eps_hat not made again after clipping", D, '        eps_hat = convert(x0_hat, "x0", "eps", xt, t, schedule)\n', ""),
    ("model told where the step lands", D, "torch.full((len(xt),), t,", "torch.full((len(xt),), s,"),
    ("walk stops before the data", D, "round(self.T * (n - i) / n) for i in range(n + 1)", "round(self.T * (n - i) / n) for i in range(n)"),
    ("walk starts below T", D, "round(self.T * (n - i) / n) for i in range(n + 1)", "round((self.T - 1) * (n - i) / n) for i in range(n + 1)"),
    ("noise not drawn where sigma is 0", D, "schedule, randn_like(xt, generator), eta, v", "schedule, randn_like(xt, generator) if eta else torch.zeros_like(xt), eta, v"),
    ("oracle: means not scaled by sqrt(alpha_bar)", O, "d2 = a * torch.cdist(x / a.sqrt(), m", "d2 = torch.cdist(x, m"),
    ("oracle: weights forgotten", O, " + self.log_w.to(m)", ""),
    ("oracle: variance of the modes forgotten", O, "d = a * self.var + 1 - a\n", "d = 1 - a + 0 * a\n"),
    ("oracle: the nearest picture, not the average", O, "logits.softmax(1), a.sqrt()", "torch.nn.functional.one_hot(logits.argmax(1), logits.shape[1]).to(logits), a.sqrt()"),
    ("second order: the two stretches swapped", D, "float((s - t) / (t - r) / 2)", "float((t - r) / (s - t) / 2)"),
    ("second order: half forgotten", D, "float((s - t) / (t - r) / 2)", "float((s - t) / (t - r))"),
    ("steps even in decibels: even in t after all", D, 'if even == "t":\n            return [', "if True:\n            return ["),
    ("average never updated", T, "        self._ema.update(self.model)\n", ""),
    ("average keeps the untrained start", T, "keep = (1 - 1 / self.n)", "keep = (1 - 1 / (self.n + 1))"),
    ("average: shares swapped", T, "list(model.parameters()), 1 - keep)", "list(model.parameters()), keep)"),
    ("NaN noticed and stepped on", T, 'raise FloatingPointError(f"The loss', 'print(f"The loss'),
    ("dice not restored on resume", T, 'generator.set_state(state["dice"].cpu())', "pass"),
    ("batches from the first again on resume", T, "islice(batches, done, None)", "islice(batches, 0, None)"),
    ("average forgets how old it is on resume", T, 'self._ema.n = state["n"]', "pass"),
    ("rate rises instead of falling", T, "0.5 * (1 + math.cos", "0.5 * (1 - math.cos"),
    ("samples drawn without the average", P, "return Denoiser(learner.ema,", "return Denoiser(learner.model,"),
    ("whatever is asked, the noise is expected", P, '    target = convert(eps, "eps", predicts, xt, t, schedule)\n', "    target = eps\n"),
    ("network told another time than the picture's", P, "(model(xt, t.to(xt.device), y).float() - target)", "(model(xt, t.to(xt.device) - 1, y).float() - target)"),
    ("times drawn from 0..T-1", P, "return 1 + torch.multinomial", "return torch.multinomial"),
    ("times uniform: T never drawn", P, "torch.randint(1, schedule.T + 1, (n,)", "torch.randint(1, schedule.T, (n,)"),
    ("class never forgotten", P, "generator=generator) < drop", "generator=generator) < 0"),
    ("learned variance: ends swapped", P, "v * beta.log().to(like) + (1 - v) * tilde.log().to(like)", "(1 - v) * beta.log().to(like) + v * tilde.log().to(like)"),
    ("learned variance: not brought from -1..1 to 0..1", P, "return (raw + 1) / 2", "return raw"),
    ("hybrid loss: the bound teaches the mean", P, "convert(answer.detach(), predicts", "convert(answer, predicts"),
    ("bound: log of zero variance at t = 1", P, "torch.where(as_ == 1, floor,", "torch.where(as_ > 1, floor,"),
    ("bound: nats called bits", P, ".flatten(1).mean(1) / math.log(2)", ".flatten(1).mean(1)"),
    ("bound: the two bell curves swapped", P, "(log_p - log_q - 1 + (log_q - log_p).exp()", "(log_q - log_p - 1 + (log_p - log_q).exp()"),
    ("bound: bins too narrow", P, "half = 1 / (levels - 1)", "half = 1 / levels"),
    ("Frechet: cross term once", M, "- 2 * cross", "- cross"),
    ("GAN: labels swapped", G, "F.softplus(-real).mean() + F.softplus(fake).mean()", "F.softplus(real).mean() + F.softplus(-fake).mean()"),
    ("GAN: G of 2014 with D's sign", G, "return -F.softplus(fake).mean()", "return F.softplus(fake).mean()"),
    ("GAN: non-saturating loss saturates", G, "return F.softplus(-fake).mean()", "return -F.softplus(fake).mean()"),
    ("GAN: hinge at 0 instead of 1", G, "F.relu(1 - real).mean() + F.relu(1 + fake).mean()", "F.relu(-real).mean() + F.relu(fake).mean()"),
    ("GAN: relativistic G plays for D", G, "return F.softplus(real - fake).mean()", "return F.softplus(fake - real).mean()"),
    ("GAN: relativistic against the mean of the others", G, "return F.softplus(fake - real).mean()", "return F.softplus(fake.mean() - real).mean()"),
    ("GAN: detach forgotten, and G learns to be found out", G, "    fake = fake.detach()  # or D's lesson would run on into G's weights\n", ""),
    ("GAN: old fakes for G", G, "    fresh = g.model(g.model.noise(len(real), generator), y)", "    fresh = g.model(g.model.noise(len(real), torch.Generator().manual_seed(0)), y)"),
    ("GAN: D stays frozen after G's turn", G, "        d.model.requires_grad_(True)", "        pass"),
    ("GAN: slope from one side, still over 2h", G, "score(torch.cat([x + h * v, x - h * v]))", "score(torch.cat([x + h * v, x]))"),
    ("GAN: estimate without 2h", G, "((up - down) / (2 * h)).pow(2)", "((up - down) / h).pow(2)"),
    ("GAN: slope's length for its square", G, "slope.flatten(1).pow(2).sum(1)", "slope.flatten(1).norm(dim=1)"),
    ("GAN: exact slope teaches nothing", G, "create_graph=True", "create_graph=False"),
    ("GAN: R1 without its half", G, "total + weight / 2 * part.mean()", "total + weight * part.mean()"),
    ("GAN: R1 at fakes, R2 at real ones", G, "((self.r1, real), (self.r2, fake))", "((self.r1, fake), (self.r2, real))"),
    ("GAN: seldom looked at and not made up for", G, "return self.every * total", "return total"),
    ("GAN: penalty pulls the slope to 0, not to 1", G, "(length - 1).pow(2)", "length.pow(2)"),
    ("GAN: penalty only at fakes", G, "fake + share * (real - fake)", "fake + 0 * share * (real - fake)"),
    ("GAN: slopes held more and more instead of less", G, "keep = least + (1 - least) * share**2", "keep = 1 - (1 - least) * share**2"),
    ("GAN: minibatch std of one item with itself", G, "torch.cat([h, batch_std(x, self.group)], 1)", "torch.cat([h, batch_std(x, 1)], 1)"),
    ("GAN: spectral norm forgotten", G, "                spectral_norm(layer)\n", "                pass\n"),
    ("GAN: samples drawn without the average", G, "return g.ema, Parts", "return g.model, Parts"),
    ("GAN: best score upside down", G, "return log_p - log_q", "return log_q - log_p"),
    ("GAN: mixture not divided by its number of modes", G, "log_each.logsumexp(1) - math.log(len(means))", "log_each.logsumexp(1)"),
    ("GAN: class forgotten by D", G, "return score if self.label is None else", "return score if True else"),
    ("modes: the farthest share counts as one", M, "distance < 3 * sd", "distance < 6 * sd"),
    ("copies: nearer to unseen ones", M, "nearest(samples, seen)[0] < nearest(samples, fresh)[0]", "nearest(samples, seen)[0] > nearest(samples, fresh)[0]"),
    ("coverage: a ball of samples, not of real ones", M, '"coverage": float(inside.any(1)', '"coverage": float(inside.any(0)'),
    ("neighbours: the item is its own first neighbour", M, "kthvalue(k + 1)", "kthvalue(k)"),
    ("VAE: logvar taken for the standard deviation", V, "z = mu + (0.5 * logvar).exp() * noise", "z = mu + logvar.exp() * noise"),
    ("VAE: z is the mean, without dice", V, "z = mu + (0.5 * logvar).exp() * noise", "z = mu + 0 * noise"),
    ("VAE: KL without its half", V, "return 0.5 * (mu.pow(2)", "return 1.0 * (mu.pow(2)"),
    ("VAE: KL with the sign of logvar turned", V, "logvar.exp() - 1 - logvar", "(-logvar).exp() - 1 + logvar"),
    ("VAE: KL rewarded", V, "+ beta * kl_to_prior", "- beta * kl_to_prior"),
    ("VAE: a density without its s", V, "+ model.log_s + 0.5 * math.log(2 * math.pi)", "+ 0.5 * math.log(2 * math.pi)"),
    ("VAE: the mean over pixels against the sum over z", V, "return each.flatten(1).sum(1)", "return each.flatten(1).mean(1)"),
    ("VAE: KL weighed from the first step", V, "beta = min(1.0, (learner.steps + 1) / max(1, warmup))", "beta = 1.0"),
    ("VAE: nats called bits", V, "math.prod(model.shape) / math.log(2)", "math.prod(model.shape)"),
    ("VAE: grain of variance s", V, "x = x + model.log_s.exp() * randn_like(x, g)", "x = x + (2 * model.log_s).exp() * randn_like(x, g)"),
    ("VAE: samples drawn without the average", V, "return learner.ema, Parts", "return model, Parts"),
    ("arena: whoever has had the most time is next", A, "entries[min(running", "entries[max(running"),
    ("arena: a race that was left early is repeated to its end", A, "rests and rests[k])", "None)"),
    ("arena: apart is half the gap", A, "max(abs(s - mean) for s in seconds) / mean", "(max(seconds) - min(seconds)) / 2 / mean"),
    ("arena: a sample of a DDPM is one call", A, "return CALLS[entry.name] * forward_flops", "return forward_flops"),
    ("arena: a multiply-add counted as one", A, "total += 2 * out.numel()", "total += out.numel()"),
    ("arena: backward forgotten", A, "return 3 * one / len(x)", "return one / len(x)"),
    ("arena: the encoder needed for drawing", A, 'entry.model.decoder if entry.name == "VAE" else entry.model\n', "entry.model\n"),
    ("arena: nobody ever fails", A, 'found["coverage"] < FAILS * coverage_ceiling', 'found["coverage"] < 0 * coverage_ceiling'),
    ("arena: break-even upside down", A, "(training_a - training_b) / (drawing_b - drawing_a)", "(drawing_b - drawing_a) / (training_a - training_b)"),
    ("bits: term r counted twice", P, "terms.sum() - terms.cumsum(0) + terms[0]", "terms.sum() - terms.cumsum(0) + terms[0] + terms"),
    ("bits: the last jump is free", P, "float(rest(x, y)[r]) + jump(x, y, r, s)[0]", "float(rest(x, y)[r])"),
    ("bits: the last jump in nats", P, "s, levels).mean()) / math.log(2), s", "s, levels).mean()), s"),
    ("bits: s fitted to what is judged", P, "jump(x, y, r, s)[0]", "jump(x, y, r)[0]"),
    ("kernel distance: each with itself counted", M, "(each.sum() - each.trace()) / (len(x) * (len(x) - 1))", "each.sum() / len(x) ** 2"),
    ("kernel distance: not by the dimension", M, "(u @ v.T / u.shape[1] + 1)", "(u @ v.T + 1)"),
    ("kernel distance: across counted once", M, "- 2 * k(a, b).mean()", "- k(a, b).mean()"),
    ("Student's interval: the bell's 1.96 for any number of runs", M, "stdtrit(len(values) - 1, 0.975)", "1.96"),
    ("Student's interval: one degree of freedom too many", M, "stdtrit(len(values) - 1, 0.975)", "stdtrit(len(values), 0.975)"),
    ("Student's interval: scatter of the population", M, "float(values.std()) / math.sqrt(len(values))", "float(values.std(correction=0)) / math.sqrt(len(values))"),
    ("floor: the eye judges what it knows by heart", A, "classifier.accuracy(self.eye, self.unseen.x, self.unseen.y)", "classifier.accuracy(self.eye, self.learn.x, self.learn.y)"),
    ("spread: the same two hands each time", A, "torch.Generator().manual_seed(seed)).split(self.n)", "torch.Generator().manual_seed(0)).split(self.n)"),
]  # fmt: skip


def tests_of(file: str) -> list[str]:
    return OWN.get(file) or ([*TESTS, *TRAINING] if file in (D, O) else TRAINING)


def tried(tests: list[str], slip=None) -> subprocess.CompletedProcess:
    """Run the tests on a copy of everything, with this one slip."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("diffusion_lib", "tests", "benchmarks", "notebooks", "README.md", "pyproject.toml"):
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns(".*", "__pycache__"))
            else:
                shutil.copy(ROOT / part, copy / part)
        if slip:
            what, file, right, wrong = slip
            source = (copy / file).read_text(encoding="utf-8")
            if source.count(right) != 1:
                raise SystemExit(
                    f"{what}: the line to break stands {source.count(right)} times in {file}: mend this list."
                )
            (copy / file).write_text(source.replace(right, wrong), encoding="utf-8")
        return subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests],
            cwd=copy, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"},
        )  # fmt: skip


def caught(slip) -> dict:
    """Which test noticed this slip first?"""
    what, file, _, _ = slip
    run = tried(tests_of(file), slip)
    failed = [
        line.split()[1].split("::")[-1]
        for line in run.stdout.splitlines()
        if line.startswith(("FAILED", "ERROR"))
    ]
    return {"slip": what, "file": file, "caught": run.returncode == 1, "by": failed[0] if failed else ""}


def main() -> int:
    start = time.time()
    everything = tried([*TESTS, *TRAINING, *(t for own in OWN.values() for t in own)])
    if everything.returncode:
        raise SystemExit("The tests fail without any slip, so they would seem to catch every one:\n" + everything.stdout[-2000:])  # fmt: skip
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

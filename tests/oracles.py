"""What others compute, in NumPy: learning rates, momenta, and optimizers."""

import numpy as np


def through(nodes, values, cosine, t):
    """Returns the value at `t` of a curve through `(nodes, values)`."""
    t = min(max(t, nodes[0]), nodes[-1])
    for begin, end, first, last in zip(nodes, nodes[1:], values, values[1:]):
        if t <= end:
            share = (t - begin) / (end - begin)
            if cosine:
                share = (1 - np.cos(np.pi * share)) / 2
            return first + (last - first) * share
    raise AssertionError


def book(steps, top, start=None, last_steps=None, last=None):
    """Rates of Géron's `OneCycleScheduler`, and momenta that mirror them."""
    start = start or top / 10
    last_steps = last_steps or steps // 10 + 1
    last = last or start / 1000
    half = (steps - last_steps) // 2
    rates, momenta = [], []
    for t in range(steps):
        if t < half:
            rates.append(start + (top - start) * t / half)
            momenta.append(0.95 - 0.1 * t / half)
        elif t < 2 * half:
            rates.append(top + (start - top) * (t - half) / half)
            momenta.append(0.85 + 0.1 * (t - half) / half)
        else:
            left = (t - 2 * half) / (steps - 2 * half)
            rates.append(start + (last - start) * left)
            momenta.append(0.95)
    return np.array(rates), np.array(momenta)


def _rising(steps, warmup):
    return [(t + 1) / (warmup + 1) if t < warmup else 1.0 for t in range(steps)]


def linear_to_zero(steps, warmup):
    """Shares of the highest rate: a warm-up, then a line."""
    rising = _rising(steps, warmup)
    line = [(steps - t) / (steps - warmup) for t in range(steps)]
    return np.array([r if t < warmup else line[t] for t, r in enumerate(rising)])


def warmup_stable_decay(steps, warmup, cooldown, shape):
    """Shares of the highest rate: a warm-up, a plateau, then what Hägele et al. do."""
    length = round(cooldown * steps)
    shares = np.array(_rising(steps, warmup))
    x = np.arange(length) / length
    falling = {
        "linear": 1 - x,
        "cosine": (1 + np.cos(np.pi * x)) / 2,
        "1-sqrt": 1 - np.sqrt(x),
    }[shape]
    shares[steps - length :] *= falling
    return shares


def inverse_square_root(steps, warmup):
    """Vaswani et al., section 5.3, in shares of the highest rate."""
    number = np.arange(1, steps + 1, dtype=float)
    shares = np.minimum(number**-0.5, number * warmup**-1.5)
    return shares * warmup**0.5


def warm_restarts(steps, top, first, t_mul, m_mul, last, warmup):
    """SGDR, walked through cycle by cycle."""
    rates = [top * r for r in _rising(warmup, warmup)]
    cycle = 0
    while len(rates) < steps:
        length, high = round(first * t_mul**cycle), top * m_mul**cycle
        x = np.arange(length) / length
        rates.extend(last + (high - last) * (1 + np.cos(np.pi * x)) / 2)
        cycle += 1
    return np.array(rates[:steps])


def torch(steps, top, phases, cosine, share=0.3):
    """`OneCycleLR`: the phases end on steps, and the last one on the last."""
    start, last = top / 25, top / 25 / 1e4
    nodes, rates = [0, share * steps - 1, steps - 1], [start, top, last]
    momenta = [0.95, 0.85, 0.95]
    if phases == 3:
        nodes = [*nodes[:2], 2 * share * steps - 2, nodes[-1]]
        rates, momenta = [start, top, start, last], [0.95, 0.85, 0.95, 0.95]
    return tuple(
        np.array([through(nodes, values, cosine, t) for t in range(steps)])
        for values in (rates, momenta)
    )


def fastai(steps, top, share=0.25):
    """`fit_one_cycle`, in terms of the share of the training that is done."""
    nodes = [0, share, 1]
    return tuple(
        np.array([through(nodes, values, True, t / steps) for t in range(steps)])
        for values in ([top / 25, top, top / 1e5], [0.95, 0.85, 0.95])
    )


def optax(steps, top, share=0.3):
    """`cosine_onecycle_schedule`, which has no momentum."""
    nodes, values = [0, int(share * steps), steps], [top / 25, top, top / 25e4]
    return np.array([through(nodes, values, True, t) for t in range(steps)])


class Optimizer:
    """An optimizer for one array of weights; hyperparameters change step by step."""

    def __init__(self, **constants):
        self.constants = constants
        self.slots = {}
        self.t = 0

    def slot(self, name, like):
        return self.slots.setdefault(name, np.zeros_like(like))

    def step(self, weights, gradient, rate, momentum):
        self.t += 1
        return self.update(weights, gradient, rate, momentum, **self.constants)


class SGD(Optimizer):
    def update(self, w, g, rate, momentum, nesterov=False):
        m = self.slots["m"] = self.slot("m", w) * momentum - rate * g
        return w + (m * momentum - rate * g if nesterov else m)


class RMSprop(Optimizer):
    def update(self, w, g, rate, momentum, rho=0.9, epsilon=1e-7):
        v = self.slots["v"] = rho * self.slot("v", w) + (1 - rho) * g**2
        increment = rate * g / np.sqrt(v + epsilon)
        m = self.slots["m"] = momentum * self.slot("m", w) + increment
        return w - m


class Adam(Optimizer):
    def update(self, w, g, rate, b1, b2=0.999, epsilon=1e-7, decay=0.0):
        w = w - w * decay * rate
        m = self.slots["m"] = self.slot("m", w) + (g - self.slot("m", w)) * (1 - b1)
        v = self.slots["v"] = self.slot("v", w) + (g**2 - self.slot("v", w)) * (1 - b2)
        alpha = rate * np.sqrt(1 - b2**self.t) / (1 - b1**self.t)
        return w - m * alpha / (np.sqrt(v) + epsilon)


class Nadam(Optimizer):
    product = 1.0

    def update(self, w, g, rate, b1, b2=0.999, epsilon=1e-7):
        now = b1 * (1 - 0.5 * 0.96**self.t)
        later = b1 * (1 - 0.5 * 0.96 ** (self.t + 1))
        self.product *= now
        m = self.slots["m"] = self.slot("m", w) + (g - self.slot("m", w)) * (1 - b1)
        v = self.slots["v"] = self.slot("v", w) + (g**2 - self.slot("v", w)) * (1 - b2)
        ahead = later * m / (1 - self.product * later)
        estimate = ahead + (1 - now) * g / (1 - self.product)
        return w - rate * estimate / (np.sqrt(v / (1 - b2**self.t)) + epsilon)


class Adamax(Optimizer):
    def update(self, w, g, rate, b1, b2=0.999, epsilon=1e-7):
        m = self.slots["m"] = self.slot("m", w) + (g - self.slot("m", w)) * (1 - b1)
        u = self.slots["u"] = np.maximum(b2 * self.slot("u", w), np.abs(g))
        return w - rate * m / ((1 - b1**self.t) * (u + epsilon))


class Lion(Optimizer):
    def update(self, w, g, rate, b1, b2=0.99):
        m = self.slot("m", w)
        self.slots["m"] = b2 * m + (1 - b2) * g
        return w - rate * np.sign(b1 * m + (1 - b1) * g)

"""Interpolated modified Kneser-Ney by the book: a slow, obvious twin in float64, with dictionaries."""

from __future__ import annotations

from collections import Counter, defaultdict

Gram = tuple[int, ...]


class NaiveKneserNey:
    """The model of `sequences`; sentences contain START and END."""

    def __init__(self, sequences: list[list[int]], order: int, told: list[int], start: int) -> None:
        self.order, self.told = order, told
        raw: dict[int, Counter[Gram]] = defaultdict(Counter)
        opening: dict[int, Counter[Gram]] = defaultdict(Counter)
        before: dict[Gram, set[int]] = defaultdict(set)
        for tokens in sequences:
            for n in range(1, order + 1):
                for i in range(len(tokens) - n + 1):
                    gram = tuple(tokens[i : i + n])
                    raw[n][gram] += 1
                    if i == 0:
                        opening[n][gram] += 1
                    else:
                        before[gram].add(tokens[i - 1])
        self.counts = {
            n: raw[n] if n == order else Counter({gram: len(before[gram]) + opening[n][gram] for gram in raw[n]})
            for n in range(1, order + 1)
        }
        self.counts[1].pop((start,), None)
        self.discounts = {n: self._estimate(n) for n in self.counts}
        self._following: dict[int, dict[Gram, list[Gram]]] = {n: defaultdict(list) for n in self.counts}
        for n, counts in self.counts.items():
            for gram in counts:
                self._following[n][gram[:-1]].append(gram)

    def _estimate(self, n: int) -> list[float]:
        t = Counter(self.counts[n].values())
        if not (t[1] and t[2] and t[3]):
            return [0.5, 1.0, 1.5]
        y = t[1] / (t[1] + 2 * t[2])
        found = [k - (k + 1) * y * t[k + 1] / t[k] for k in (1, 2, 3)]
        return found if all(0 <= d <= k for k, d in enumerate(found, 1)) else [0.5, 1.0, 1.5]

    def probability(self, context: Gram, token: int) -> float:
        context = context[-(self.order - 1) :] if self.order > 1 else ()
        lower = float(token in self.told) / len(self.told) if not context else self.probability_below(context, token)
        return self._interpolate(context, token, lower)

    def probability_below(self, context: Gram, token: int) -> float:
        context = context[1:]
        lower = float(token in self.told) / len(self.told) if not context else self.probability_below(context, token)
        return self._interpolate(context, token, lower)

    def _interpolate(self, context: Gram, token: int, lower: float) -> float:
        n = len(context) + 1
        following = self._following[n].get(context, [])
        total = sum(self.counts[n][gram] for gram in following)
        if not total:
            return lower
        discount = {gram: self.discounts[n][min(self.counts[n][gram], 3) - 1] for gram in following}
        gram = (*context, token)
        own = self.counts[n][gram] - discount[gram] if gram in discount else 0.0
        return own / total + sum(discount.values()) / total * lower

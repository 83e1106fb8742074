"""N-grams of ids as a trie, counted and looked up.

Nodes are numbered order by order: the root, 0, then those of order 1, of order 2 and so on, each order sorted by
context and token. So the children of a node lie side by side, ``first[node] .. first[node + 1] - 1``, and so do those
of one order. Token t is node 1 + t, whether it was seen or not.

Counting is a sort: if the n-grams that end at every place are numbered, and places are sorted by token, then sorting
them by the number of the n-gram before each sorts the (n + 1)-grams. Nothing is hashed.
"""

from __future__ import annotations

import numpy as np

from w2v.kernels.jit import compiled


@compiled
def sort_by_token(tokens, n_tokens, places):
    """Write the places of a text, sorted by token: tokens and places, shape (n,), int32."""
    starts = np.zeros(n_tokens + 1, np.int64)
    for i in range(tokens.size):
        starts[tokens[i] + 1] += 1
    for t in range(n_tokens):
        starts[t + 1] += starts[t]
    for i in range(tokens.size):
        places[starts[tokens[i]]] = i
        starts[tokens[i]] += 1


@compiled
def extend(tokens, offsets, by_token, nodes, n_contexts, adjusted, first, words, counts):
    """Give the n-grams of the next order their numbers.

    Parameters
    ----------
    tokens : ndarray of shape (n,), int32
    offsets : ndarray of shape (n_sequences + 1,), int64
        N-grams do not cross from one sequence into the next.
    by_token : ndarray of shape (n,), int32
        See `sort_by_token`.
    nodes : ndarray of shape (n,), int32
        The n-gram of the order before that ends at each place, counted from 0 within its order; -1 without one.
        Overwritten with that of the next order.
    n_contexts : int
        N-grams of the order before.
    adjusted : ndarray of shape (n_contexts,), int32
        Of each of them, how many different tokens come before it, is added, and how often nothing does.
    first : ndarray of shape (n_contexts + 1,), int32
        Overwritten: where the n-grams of the next order that continue each of them begin.
    words : ndarray of shape (n,), int32
        Overwritten with the last token of each n-gram of the next order.
    counts : ndarray of shape (n,), int32
        Overwritten with how often each of them occurs.

    Returns
    -------
    int
        N-grams of the next order.
    """
    contexts = np.empty(tokens.size, np.int32)
    for b in range(offsets.size - 1):
        for i in range(offsets[b], offsets[b + 1]):
            contexts[i] = nodes[i - 1] if i > offsets[b] else -1
    ends = np.zeros(n_contexts + 1, np.int32)
    for i in range(tokens.size):
        if contexts[i] >= 0:
            ends[contexts[i] + 1] += 1
        elif nodes[i] >= 0:
            adjusted[nodes[i]] += 1
    for c in range(n_contexts):
        ends[c + 1] += ends[c]
    places = np.empty(ends[n_contexts], np.int32)
    for j in range(tokens.size):
        i = by_token[j]
        if contexts[i] >= 0:
            places[ends[contexts[i]]] = i
            ends[contexts[i]] += 1
    n, j = 0, 0  # ends[c] is now where the places of context c end
    for c in range(n_contexts):
        first[c] = n
        last = -1
        while j < ends[c]:
            i = places[j]
            if tokens[i] != last:
                last = tokens[i]
                words[n], counts[n] = last, 0
                adjusted[nodes[i]] += 1
                n += 1
            counts[n - 1] += 1
            j += 1
    first[n_contexts] = n
    for i in range(tokens.size):
        nodes[i] = -1
    j = 0
    for c in range(n_contexts):  # numbered last, since what ends at a place was needed until here
        number, last = first[c] - 1, -1
        while j < ends[c]:
            i = places[j]
            if tokens[i] != last:
                last = tokens[i]
                number += 1
            nodes[i] = number
            j += 1
    return n


@compiled
def counts_of_counts(counts):
    """Return how many counts are 1, 2, 3 and 4, shape (4,), int64."""
    found = np.zeros(4, np.int64)
    for i in range(counts.size):
        if 1 <= counts[i] <= 4:
            found[counts[i] - 1] += 1
    return found


@compiled
def weigh(first, counts, discounts, masses, backoffs):
    """Turn the counts of one order into probabilities.

    Parameters
    ----------
    first : ndarray of shape (n_contexts + 1,), int32
        Where the n-grams of each context begin.
    counts : ndarray of shape (n,), int32
    discounts : ndarray of shape (3,), float64
        Of counts of 1, of 2, and of more.
    masses : ndarray of shape (n,), float32
        Overwritten with the discounted counts, divided by the sum of the counts of their context.
    backoffs : ndarray of shape (n_contexts,), float32
        Overwritten with what was discounted, divided by the same: the weight of the order below; 1 if nothing follows.
    """
    for c in range(backoffs.size):
        total, taken = np.int64(0), 0.0
        for i in range(first[c], first[c + 1]):
            total += counts[i]
        for i in range(first[c], first[c + 1]):
            discount = discounts[min(counts[i], 3) - 1] if counts[i] > 0 else 0.0
            taken += discount
            masses[i] = (counts[i] - discount) / total if counts[i] > 0 else 0.0
        backoffs[c] = taken / total if total > 0 else 1.0


@compiled
def find(words, start, stop, token):
    """Return where a token stands among the ascending words[start:stop], or -1."""
    low, high = start, stop
    while low < high:
        middle = (low + high) >> 1
        if words[middle] < token:
            low = middle + 1
        else:
            high = middle
    return low if low < stop and words[low] == token else -1


@compiled
def follow(words, first, order, contexts, token, children):
    """Find the nodes of a token behind every context; return how many contexts there are.

    Parameters
    ----------
    words, first
        The trie.
    order : int
    contexts : ndarray of shape (order,), int64
        The nodes of the last 0, 1, … order - 1 tokens; -1 from the first on that was not seen.
    token : int
    children : ndarray of shape (order + 1,), int64
        Overwritten: contexts of the next token. Entry 0 is the root.
    """
    depth = 0
    children[0] = 0
    for n in range(order):
        children[n + 1] = -1
    for n in range(order):
        node = contexts[n]
        if node < 0:
            break
        depth += 1
        children[n + 1] = 1 + token if n == 0 else find(words, first[node], first[node + 1], token)
    return depth


@compiled
def score(trie, order, tokens, offsets, skipped, lowest, log_probabilities):
    """Compute the log-probability of every token.

    Parameters
    ----------
    trie : tuple of (words, first, masses, backoffs)
    order : int
    tokens : ndarray of shape (n,), int32
    offsets : ndarray of shape (n_sequences + 1,), int64
    skipped : int
        So many tokens at the beginning of each sequence are read and not told.
    lowest : ndarray of shape (V,), float64
        What the lowest order falls back to.
    log_probabilities : ndarray of shape (n - skipped * n_sequences,), float64
        Overwritten.
    """
    words, first, masses, backoffs = trie
    contexts, children = np.empty(order + 1, np.int64), np.empty(order + 1, np.int64)
    at = 0
    for b in range(offsets.size - 1):
        contexts[0], contexts[1:] = 0, -1
        for i in range(offsets[b], offsets[b + 1]):
            depth = follow(words, first, order, contexts, tokens[i], children)
            if i >= offsets[b] + skipped:
                p = lowest[tokens[i]]
                for n in range(depth):
                    p *= backoffs[contexts[n]]
                    if children[n + 1] >= 0:
                        p += masses[children[n + 1]]
                log_probabilities[at] = np.log(p)
                at += 1
            contexts, children = children, contexts


@compiled
def distribute(trie, order, context, probabilities):
    """Turn what the lowest order falls back to, shape (V,), float64, into the probabilities of what follows a context.

    `context`, shape (m,), int32, are the tokens before it.
    """
    words, first, masses, backoffs = trie
    contexts, children = np.empty(order + 1, np.int64), np.empty(order + 1, np.int64)
    contexts[0], contexts[1:] = 0, -1
    for i in range(context.size):
        follow(words, first, order, contexts, context[i], children)
        contexts, children = children, contexts
    for n in range(order):
        node = contexts[n]
        if node < 0:
            break
        for t in range(probabilities.size):
            probabilities[t] *= backoffs[node]
        for i in range(first[node], first[node + 1]):
            probabilities[words[i]] += masses[i]

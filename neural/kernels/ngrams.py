"""Count and look up n-grams of ids, stored as a trie.

Nodes are numbered by order: the root, 0, then those of order 1, of order 2 and so on, each order sorted by context and
token. So the children of a node are consecutive, ``first[node] .. first[node + 1] - 1``, and so are the nodes of an
order. Token t is node 1 + t, whether it occurs or not.

Counting is a sort. Given the numbers of the n-grams that end at each place, and the places sorted by token, sorting
these places by the number of the preceding n-gram sorts the (n + 1)-grams. Nothing is hashed.
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
    """Assign numbers to the n-grams of the next order.

    Parameters
    ----------
    tokens : ndarray of shape (n,), int32
    offsets : ndarray of shape (n_sequences + 1,), int64
        N-grams do not cross the boundaries of sequences.
    by_token : ndarray of shape (n,), int32
        See `sort_by_token`.
    nodes : ndarray of shape (n,), int32
        The n-gram of the previous order that ends at each place, numbered from 0 within its order; -1 if none does.
        Overwritten with that of the next order.
    n_contexts : int
        Number of n-grams of the previous order.
    adjusted : ndarray of shape (n_contexts,), int32
        For each of them, the number of distinct tokens before it, plus the number of occurrences without one, is added.
    first : ndarray of shape (n_contexts + 1,), int32
        Overwritten with the first n-gram of the next order that continues each of them.
    words : ndarray of shape (n,), int32
        Overwritten with the last token of each n-gram of the next order.
    counts : ndarray of shape (n,), int32
        Overwritten with the count of each of them.

    Returns
    -------
    int
        Number of n-grams of the next order.
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
    n, j = 0, 0  # ends[c] is now the end of the places of context c
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
    for c in range(n_contexts):  # numbered last, since the previous numbers were needed until here
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
    """Return how many counts equal 1, 2, 3 and 4, shape (4,), int64."""
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
        The start of each context's n-grams.
    counts : ndarray of shape (n,), int32
    discounts : ndarray of shape (3,), float64
        Discounts of counts of 1, of 2, and of more.
    masses : ndarray of shape (n,), float32
        Overwritten with the discounted counts, divided by the total count of their context.
    backoffs : ndarray of shape (n_contexts,), float32
        Overwritten with the total discount, divided by the same: the weight of the order below; 1 if nothing follows.
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
    """Return the index of a token among the ascending words[start:stop], or -1."""
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
    """Find the nodes of a token after every context; return the number of contexts.

    Parameters
    ----------
    words, first
        The trie.
    order : int
    contexts : ndarray of shape (order,), int64
        The nodes of the last 0, 1, … order - 1 tokens; -1 from the first unseen one on.
    token : int
    children : ndarray of shape (order + 1,), int64
        Overwritten with the contexts of the next token. Entry 0 is the root.
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
        Number of tokens at the start of each sequence that only serve as context.
    lowest : ndarray of shape (V,), float64
        The distribution that the lowest order backs off to.
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
    """Turn the distribution that the lowest order backs off to, shape (V,), float64, into that after a context.

    `context`, shape (m,), int32, contains the preceding tokens.
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

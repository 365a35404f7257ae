"""SMAC's inner loops, compiled: growing trees, following them, and packing what they read.

`grow` is scikit-learn's depth-first builder with the best splitter and the mean squared error
(Breiman et al., "Classification and Regression Trees", 1984; Pedregosa et al., JMLR 2011), for data
without missing values and leaves of one sample. It draws features by the same numbers, leaves
samples in the same order after every sort and so rounds every sum alike: the trees are
scikit-learn's, to the last bit of every comparison.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import float32, float64, int64, njit, uint8, uint32, uint64

_EPSILON = np.finfo(np.float64).eps
_CONSTANT = np.float32(1e-7)  # values of a node that differ by no more are one
_FEW = 15  # samples that scikit-learn sorts by insertion, so that equal ones keep their order
_ONE = np.uint64(1)
_NUMBER = np.uint64(40)  # a sample's number lies above these bits of its entry
_BLOCK = 32  # points that go down a tree together

_inlined = njit(inline="always", error_model="numpy")


def _compiled(function: Any) -> Any:
    """Compiled when first called and kept on disk where that can be written."""
    try:
        return njit(cache=True, error_model="numpy", nogil=True)(function)
    except RuntimeError:
        return njit(error_model="numpy", nogil=True)(function)


@_inlined
def _bits(number: Any) -> Any:
    """Of a number that is not negative in single precision; rounding may leave a negative zero."""
    return np.float32(np.float32(number) + np.float32(0)).view(np.uint32)


@_compiled
def put(words: Any, values: Any, word: Any, shift: Any, numeric: Any) -> None:
    """Write values, shape ``[n, k]``, into the fields of words, shape ``[n, n_words]``."""
    for i in range(len(words)):
        for k in range(len(word)):
            code = uint64(_bits(values[i, k])) if numeric[k] else uint64(values[i, k])
            words[i, word[k]] |= code << shift[k]


@_compiled
def put_neighbours(
    words: Any,
    here: Any,
    order: Any,
    positions: Any,
    values: Any,
    word: Any,
    shift: Any,
    mask: Any,
    numeric: Any,
) -> None:
    """Write the words of neighbours: each is `here` but for one field.

    Parameters
    ----------
    words
        Shape ``[n, m, n_words]``.
    here
        Shape ``[n, n_words]``.
    order
        Which change comes k-th, shape ``[n, m]``.
    positions, values
        Parameter of each change, shape ``[m]``, and its new value, shape ``[n, m]``.
    """
    n, m = order.shape
    for i in range(n):
        for k in range(m):
            change = order[i, k]
            p = positions[change]
            code = uint64(_bits(values[i, change])) if numeric[p] else uint64(values[i, change])
            words[i, k] = here[i]
            words[i, k, word[p]] &= ~(mask[p] << shift[p])
            words[i, k, word[p]] |= code << shift[p]


@_compiled
def follow(words: Any, nodes: Any, children: Any, depth: Any, values: Any, out: Any) -> None:
    """Values of the leaves of one tree in which points end.

    Parameters
    ----------
    words
        Shape ``[n, n_words]``.
    nodes
        Word, shift, mask and largest code that goes left of each node, shape ``[nodes, 4]``.
    children
        The left child of each node, before the right one; of a leaf itself, with a largest code
        that no code passes.
    depth
        Of the tree.
    values
        Of each node.
    out
        Shape ``[n]``.
    """
    n = uint64(len(words))
    at = np.zeros(_BLOCK, np.uint32)
    for start in range(uint64(0), n, uint64(_BLOCK)):
        block = min(uint64(_BLOCK), n - start)
        for i in range(block):
            at[i] = uint32(0)
        for _ in range(depth):
            for i in range(block):
                node = at[i]
                word = words[start + i, nodes[node, 0]]
                code = (word >> uint64(nodes[node, 1])) & uint64(nodes[node, 2])
                at[i] = children[node] + uint32(code > uint64(nodes[node, 3]))
        for i in range(block):
            out[start + i] = values[at[i]]


@_inlined
def _rand(state: Any) -> Any:
    """scikit-learn's ``our_rand_r``: Marsaglia's xorshift, of which 31 bits are taken."""
    x = state[0]
    if x == 0:
        x = uint32(1)
    x ^= uint32(x << uint32(13))
    x ^= uint32(x >> uint32(17))
    x ^= uint32(x << uint32(5))
    state[0] = x
    return x & uint32(0x7FFFFFFF)


@_inlined
def _code(words: Any, carried: Any, word: Any, shift: Any, mask: Any, sample: Any) -> Any:
    if carried:
        return uint32((sample >> shift) & mask)
    return uint32((words[word, sample >> _NUMBER] >> shift) & mask)


@_inlined
def _partition(samples: Any, left: Any, start: Any, end: Any, n_left: Any, holes: Any) -> None:
    """Samples that go left before the others, in the order that scikit-learn's swaps leave.

    They swap a sample that goes right with the last one that has not been looked at. So places of
    the front that must be filled get, in turn, what goes left from the back; what went right takes
    its place in turn; and the back moves down by one.
    """
    pos = start + n_left
    m = uint64(0)
    for i in range(start, pos):
        holes[m] = i
        m += _ONE - left[i]
    last = samples[pos]
    holes[m] = pos
    first = samples[holes[uint64(0)]]
    tail = m + _ONE
    t = tail
    for j in range(end - _ONE, pos, -1):
        holes[t] = j
        t += left[j]
    n_tail = t - tail
    for k in range(n_tail):
        j = holes[tail + k]
        samples[holes[k]] = samples[j]
        samples[j] = samples[holes[k + _ONE]]
    if n_tail < m:
        samples[holes[m - _ONE]] = last
    for j in range(pos, end - _ONE):
        samples[j] = samples[j + _ONE]
    samples[end - _ONE] = first


@_inlined
def _divide_few(samples: Any, shift: Any, start: Any, end: Any, spare: Any) -> Any:
    """Zeros before ones, both in their order; returns where the ones begin."""
    pos = start
    n_ones = uint64(0)
    for p in range(start, end):
        sample = samples[p]
        bit = (sample >> shift) & _ONE
        samples[pos] = sample
        spare[n_ones] = sample
        pos += _ONE - bit
        n_ones += bit
    for k in range(n_ones):
        samples[pos + k] = spare[k]
    return pos


@_inlined
def _divide(samples: Any, shift: Any, start: Any, end: Any, left: Any, holes: Any) -> Any:
    """Zeros before ones, in the order that scikit-learn's three-way partition leaves."""
    middle = start + ((end - start) >> _ONE)
    votes = (
        ((samples[start] >> shift) & _ONE)
        + ((samples[middle] >> shift) & _ONE)
        + ((samples[end - _ONE] >> shift) & _ONE)
    )
    if votes < 2:  # the pivot is 0: ones are swapped to the back
        n_left = uint64(0)
        for p in range(start, end):
            flag = uint8(1) - uint8((samples[p] >> shift) & _ONE)
            left[p] = flag
            n_left += flag
        if 0 < n_left < end - start:
            _partition(samples, left, start, end, n_left, holes)
        return start + n_left
    pos = start  # the pivot is 1: zeros are swapped to the front
    for p in range(start, end):
        here, there = samples[p], samples[pos]
        zero = _ONE - ((here >> shift) & _ONE)
        samples[pos] = here if zero else there
        samples[p] = there if zero else here
        pos += zero
    return pos


@_inlined
def _insertion_sort(codes: Any, samples: Any, start: Any, end: Any) -> None:
    for p in range(start + 1, end):
        code, sample = codes[p], samples[p]
        q = p
        while q > start and codes[q - 1] > code:
            codes[q], samples[q] = codes[q - 1], samples[q - 1]
            q -= 1
        codes[q], samples[q] = code, sample


@_inlined
def _swap(codes: Any, samples: Any, p: Any, q: Any) -> None:
    codes[p], codes[q] = codes[q], codes[p]
    samples[p], samples[q] = samples[q], samples[p]


@njit(error_model="numpy")
def _sift_down(codes: Any, samples: Any, base: Any, root: Any, end: Any) -> None:
    while True:
        child = root * 2 + 1
        most = root
        if child < end and codes[base + most] < codes[base + child]:
            most = child
        if child + 1 < end and codes[base + most] < codes[base + child + 1]:
            most = child + 1
        if most == root:
            return
        _swap(codes, samples, base + root, base + most)
        root = most


@njit(error_model="numpy")
def _heap_sort(codes: Any, samples: Any, base: Any, n: Any) -> None:
    for root in range((n - 2) // 2, -1, -1):
        _sift_down(codes, samples, base, root, n)
    for end in range(n - 1, 0, -1):
        _swap(codes, samples, base, base + end)
        _sift_down(codes, samples, base, 0, end)


@_compiled
def sort(codes: Any, samples: Any, start: Any, end: Any) -> None:
    """scikit-learn's introsort with three-way partitions: equal codes end where its own do."""
    begin = np.empty(130, np.int64)
    stop = np.empty(130, np.int64)
    allowed = np.empty(130, np.int64)
    begin[0], stop[0] = int64(start), int64(end)
    allowed[0] = 2 * int64(np.log2(float64(end - start)))
    top = 1
    while top > 0:
        top -= 1
        low, high, depth = begin[top], stop[top], allowed[top]
        while high - low > _FEW:
            if depth <= 0:
                _heap_sort(codes, samples, low, high - low)
                low = high
                break
            depth -= 1
            a, b, c = codes[low], codes[low + (high - low) // 2], codes[high - 1]
            pivot = max(min(a, b), min(max(a, b), c))
            p = less = low
            more = high
            while p < more:
                if codes[p] < pivot:
                    _swap(codes, samples, p, less)
                    p += 1
                    less += 1
                elif codes[p] > pivot:
                    more -= 1
                    _swap(codes, samples, p, more)
                else:
                    p += 1
            begin[top], stop[top], allowed[top] = low, less, depth
            top += 1
            low = more
        _insertion_sort(codes, samples, low, high)


@_inlined
def _left_sums(
    samples: Any,
    wy: Any,
    weight: Any,
    before: Any,
    pos: Any,
    end: Any,
    sum_left: Any,
    weight_left: Any,
    total: Any,
    node_weight: Any,
) -> Any:
    """Sums of values and of weights left of `pos`: those left of `before` and what lies between,
    or where that is less the totals without what lies on the right.
    """
    if pos - before <= end - pos:
        for p in range(before, pos):
            i = samples[p] >> _NUMBER
            sum_left += wy[i]
            weight_left += weight[i]
    else:
        sum_left = total
        weight_left = node_weight
        for p in range(end - _ONE, pos - _ONE, -1):
            i = samples[p] >> _NUMBER
            sum_left -= wy[i]
            weight_left -= weight[i]
    return sum_left, weight_left


@_inlined
def _value(code: Any, numeric: Any) -> Any:
    if numeric:
        return np.uint32(code).view(np.float32)
    return float32(code)


@_inlined
def _proxy(sum_left: Any, weight_left: Any, total: Any, node_weight: Any) -> Any:
    sum_right = total - sum_left
    return sum_left * sum_left / weight_left + sum_right * sum_right / (node_weight - weight_left)


@_compiled
def grow(
    words: Any,
    carried: bool,
    word_of: Any,
    shift_of: Any,
    mask_of: Any,
    numeric: Any,
    y: Any,
    weight: Any,
    seed: Any,
    min_decrease: float,
) -> Any:
    """Grow one tree.

    Parameters
    ----------
    words
        Shape ``[n_words, n]``.
    carried
        Whether the fields fit beside a sample's number in one entry.
    word_of, shift_of, mask_of, numeric
        Of each parameter's field, as in `Packing`.
    y, weight
        Value and weight of each sample, shape ``[n]``; weight 0 leaves it out.
    seed
        Of the tree's generator.
    min_decrease
        A split must lower the impurity by this.

    Returns
    -------
    Parameter, largest code that goes left and left child of each node (0 and no child for a
    leaf); the leaf of each sample; and the depth.
    """
    n_features = len(word_of)
    n_all = words.shape[1]
    samples = np.empty(n_all + 1, np.uint64)
    wy = np.empty(n_all)
    n = uint64(0)
    total_weight = 0.0
    for i in range(n_all):
        if weight[i] != 0:
            samples[n] = uint64(i) << _NUMBER
            if carried:
                samples[n] |= words[0, i]
            n += _ONE
        total_weight += weight[i]
        wy[i] = weight[i] * y[i]
    capacity = 2 * n + _ONE
    node_feature = np.zeros(capacity, np.uint32)
    node_code = np.zeros(capacity, np.uint32)
    node_child = np.zeros(capacity, np.uint32)
    leaf_of = np.zeros(n_all, np.uint32)
    count = uint64(1)
    state = np.empty(1, np.uint32)
    state[0] = seed
    features = np.arange(n_features)
    constant = np.empty(n_features, np.int64)
    codes = np.empty(n_all, np.uint32)
    left = np.empty(n_all + 1, np.uint8)
    holes = np.empty(n_all + 3, np.uint64)
    spare = np.empty(_FEW + 1, np.uint64)
    todo_start = np.empty(n + 2, np.uint64)
    todo_end = np.empty(n + 2, np.uint64)
    todo_node = np.empty(n + 2, np.uint64)
    todo_depth = np.empty(n + 2, np.int64)
    todo_constant = np.empty(n + 2, np.int64)
    todo_impurity = np.empty(n + 2)
    todo_start[0], todo_end[0], todo_node[0], todo_depth[0] = 0, n, 0, 0
    todo_constant[0], todo_impurity[0] = 0, np.inf
    top = uint64(1)
    deepest = int64(0)
    first = True
    while top > 0:
        top -= _ONE
        start, end, node, depth = todo_start[top], todo_end[top], todo_node[top], todo_depth[top]
        n_known, impurity = todo_constant[top], todo_impurity[top]
        size = end - start
        is_leaf = size < 2
        total = 0.0
        squares = 0.0
        node_weight = 0.0
        either = uint64(0)
        both = ~uint64(0)
        if not is_leaf:
            for p in range(start, end):
                either |= samples[p]
                both &= samples[p]
                i = samples[p] >> _NUMBER
                total += wy[i]
                squares += wy[i] * y[i]
                node_weight += weight[i]
            if first:
                mean = total / node_weight
                impurity = squares / node_weight - mean * mean
                first = False
            is_leaf = impurity <= _EPSILON
        if not is_leaf:
            varying = either ^ both
            best_pos = end
            best_feature = -1
            best_code = uint32(0)
            best_low, best_high = uint32(0), uint32(0)
            best_proxy = -np.inf
            # Features in the order of the draws: constant ones first, then those not yet drawn,
            # then those drawn (scikit-learn's invariant).
            undrawn_end = n_features
            n_found = 0
            n_drawn = 0
            n_constant = n_known
            n_visited = 0
            while undrawn_end > n_constant and (
                n_visited < n_features or n_visited <= n_found + n_drawn
            ):
                n_visited += 1
                drawn = n_drawn + int64(_rand(state) % uint32(undrawn_end - n_found - n_drawn))
                if drawn < n_known:
                    swapped = features[n_drawn]
                    features[n_drawn] = features[drawn]
                    features[drawn] = swapped
                    n_drawn += 1
                    continue
                drawn += n_found
                current = features[drawn]
                word, shift, mask = word_of[current], shift_of[current], mask_of[current]
                number = numeric[current]
                binary = carried and mask == 1
                is_constant = carried and (varying >> shift) & mask == 0
                if not is_constant and not binary:
                    low, high = uint32(0xFFFFFFFF), uint32(0)
                    for p in range(start, end):
                        code = _code(words, carried, word, shift, mask, samples[p])
                        codes[p] = code
                        low = min(low, code)
                        high = max(high, code)
                    if low != high:
                        sort(codes, samples, start, end)
                    is_constant = _value(high, number) <= float32(_value(low, number) + _CONSTANT)
                if is_constant:
                    features[drawn] = features[n_constant]
                    features[n_constant] = current
                    n_found += 1
                    n_constant += 1
                    continue
                undrawn_end -= 1
                features[drawn] = features[undrawn_end]
                features[undrawn_end] = current
                if binary:
                    if size <= _FEW:
                        pos = _divide_few(samples, shift, start, end, spare)
                    else:
                        pos = _divide(samples, shift, start, end, left, holes)
                    sum_left, weight_left = _left_sums(
                        samples, wy, weight, start, pos, end, 0.0, 0.0, total, node_weight
                    )
                    proxy = _proxy(sum_left, weight_left, total, node_weight)
                    if proxy > best_proxy:
                        best_proxy, best_pos, best_feature = proxy, pos, current
                        best_low, best_high = uint32(0), uint32(1)
                    continue
                before = start
                sum_left, weight_left = 0.0, 0.0
                pos = start
                while True:
                    pos += _ONE
                    while pos < end and _value(codes[pos], number) <= float32(
                        _value(codes[pos - _ONE], number) + _CONSTANT
                    ):
                        pos += _ONE
                    if pos == end:
                        break
                    sum_left, weight_left = _left_sums(
                        samples,
                        wy,
                        weight,
                        before,
                        pos,
                        end,
                        sum_left,
                        weight_left,
                        total,
                        node_weight,
                    )
                    before = pos
                    proxy = _proxy(sum_left, weight_left, total, node_weight)
                    if proxy > best_proxy:
                        best_proxy, best_pos, best_feature = proxy, pos, current
                        best_low, best_high = codes[pos - _ONE], codes[pos]
            improvement = 0.0
            impurity_left = 0.0
            impurity_right = 0.0
            if best_pos < end:
                word, shift = word_of[best_feature], shift_of[best_feature]
                mask, number = mask_of[best_feature], numeric[best_feature]
                threshold = float64(_value(best_low, number)) / 2.0
                threshold += float64(_value(best_high, number)) / 2.0
                best_code = uint32(threshold)  # the largest that goes left
                if number:
                    rounded = float32(threshold)
                    best_code = np.float32(rounded).view(np.uint32)
                    if float64(rounded) > threshold:
                        best_code -= uint32(1)
                for p in range(start, end):
                    code = _code(words, carried, word, shift, mask, samples[p])
                    left[p] = uint8(code <= best_code)
                _partition(samples, left, start, end, best_pos - start, holes)
                sum_left, weight_left = _left_sums(
                    samples, wy, weight, start, best_pos, end, 0.0, 0.0, total, node_weight
                )
                weight_right = node_weight - weight_left
                mean_left = sum_left / weight_left
                mean_right = (total - sum_left) / weight_right
                squares_left = 0.0
                for p in range(start, best_pos):
                    i = samples[p] >> _NUMBER
                    squares_left += wy[i] * y[i]
                impurity_left = squares_left / weight_left - mean_left * mean_left
                impurity_right = (squares - squares_left) / weight_right - mean_right * mean_right
                improvement = (node_weight / total_weight) * (
                    impurity
                    - (weight_right / node_weight * impurity_right)
                    - (weight_left / node_weight * impurity_left)
                )
            for k in range(n_known):
                features[k] = constant[k]
            for k in range(n_known, n_known + n_found):
                constant[k] = features[k]
            is_leaf = best_pos >= end or improvement + _EPSILON < min_decrease
            if not is_leaf:
                node_feature[node], node_code[node] = best_feature, best_code
                node_child[node] = count
                # The left child is next, as in a recursion.
                todo_start[top], todo_end[top] = best_pos, end
                todo_node[top], todo_impurity[top] = count + _ONE, impurity_right
                todo_constant[top], todo_depth[top] = n_constant, depth + 1
                top += _ONE
                todo_start[top], todo_end[top] = start, best_pos
                todo_node[top], todo_impurity[top] = count, impurity_left
                todo_constant[top], todo_depth[top] = n_constant, depth + 1
                top += _ONE
                count += uint64(2)
        if is_leaf:
            deepest = max(deepest, depth)
            for p in range(start, end):
                leaf_of[samples[p] >> _NUMBER] = node
    return node_feature[:count], node_code[:count], node_child[:count], leaf_of, deepest

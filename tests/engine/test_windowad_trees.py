"""Trees as arrays, against walking down them row by row."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from oddline.operators import isolation
from oddline.operators import trees as trees_module
from oddline.operators.isolation import average_path, grow_isolation, isolation_scores
from oddline.operators.synthetic import grow_synthetic
from oddline.operators.trees import Trees


def walk(trees, tree, point):
    """The cuts on the way of one point, and its leaf."""
    node, cuts, nodes = 0, 0, trees.axis.shape[1]
    while node < nodes:
        axis = trees.axis[tree, node]
        cuts += axis >= 0
        node = 2 * node + 1 + int(axis >= 0 and point[axis] > trees.threshold[tree, node])
    return cuts, node - nodes


def random_trees(rng, count=7, depth=5, axes=3):
    nodes = 2**depth - 1
    axis = rng.integers(-1, axes, size=(count, nodes)).astype(np.int32)
    threshold = rng.normal(size=(count, nodes)).astype(np.float32)
    return Trees(axis, threshold, rng.random((count, 2**depth)))


@pytest.mark.parametrize("depth", [1, 5, 9])
@pytest.mark.parametrize("rows", [0, 1, 63, 64, 65, 1_000])
def test_all_rows_at_once_reach_the_leaves_they_walk_to(rows, depth, monkeypatch):
    """Also past nodes that do not cut, and to more leaves than a byte counts."""
    rng = np.random.default_rng(rows)
    trees = random_trees(rng, depth=depth)
    points = rng.normal(size=(rows, 3)).astype(np.float32)
    expected = [np.mean([trees.value[t, walk(trees, t, p)[1]] for t in range(7)]) for p in points]
    monkeypatch.setattr(trees_module, "_FEW", 0)
    whole = trees.mean(points)
    assert_allclose(whole, expected, rtol=1e-12)
    monkeypatch.setattr(trees_module, "_ROWS", 128)
    monkeypatch.setattr(trees_module, "_GROUP", 3)
    assert_allclose(trees.mean(points), whole, rtol=1e-14)
    monkeypatch.setattr(trees_module, "_FEW", rows)  # walked down one by one, with the same last bit
    assert_array_equal(trees.mean(points), whole)


def test_a_tree_that_never_cuts_is_worth_its_leftmost_leaf():
    trees = random_trees(np.random.default_rng(0))
    trees.axis[:] = -1
    assert_allclose(trees.mean(np.zeros((3, 3))), trees.value[:, 0].mean())


def test_values_beyond_single_precision_go_where_the_largest_goes():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(400, 3))
    trees = (grow_isolation(points, 9, rng), grow_synthetic(points, 9, rng))
    for forest in trees:
        far, further = (forest.mean(np.full((1, 3), size)) for size in (1e30, 1e90))
        assert_array_equal(far, further)
    wild = grow_isolation(np.array([[-1e90], [0.0], [1.0], [1e90]]), 9, rng)
    assert np.isfinite(wild.threshold).all()


def test_synthetic_trees_answer_as_walked_where_a_node_found_no_cut():
    rng = np.random.default_rng(6)
    points = np.column_stack([rng.normal(size=300), np.zeros((300, 9))]).astype(np.float32)
    forest = grow_synthetic(points, 10, rng)
    parents = (np.arange(1, forest.axis.shape[1]) - 1) // 2
    assert ((forest.axis[:, 1:] >= 0) & (forest.axis[:, parents] < 0)).any()
    expected = [np.mean([forest.value[t, walk(forest, t, p)[1]] for t in range(10)]) for p in points]
    assert_allclose(forest.mean(points), expected, rtol=1e-12)


@pytest.mark.parametrize("rows", [1, 2, 3, 100, 900])
def test_isolation_scores_are_the_formula(rows):
    rng = np.random.default_rng(0)
    sample = rng.normal(size=(rows, 2)).astype(np.float32)
    forest = grow_isolation(sample, 20, np.random.default_rng(1))
    size = min(rows, 256)
    assert forest.axis.shape[1] == 2 ** max(1, int(np.ceil(np.log2(max(size, 2))))) - 1
    apart = np.array([[9.0, 9.0], [0.0, 0.0]], dtype=np.float32)
    for point, score in zip(apart, isolation_scores(forest, apart), strict=True):
        paths = []
        for tree in range(20):
            cuts, leaf = walk(forest, tree, point)
            # The points of the leaf are known by what the value adds to the cuts.
            more = forest.value[tree, leaf] * max(float(average_path(size)), 1e-300) - cuts
            assert rows < 2 or np.isclose(average_path(np.arange(1, size + 1)), more, atol=1e-9).any()
            paths.append(cuts + max(more, 0.0) if rows > 1 else 0.0)
        scale = float(average_path(size)) or 1.0
        assert score == pytest.approx(2 ** (-np.mean(paths) / scale), rel=1e-9)


def test_the_average_path_is_that_of_a_failed_search():
    depth = [0.0, 0.0]  # of a random binary search tree's leaves, by the point that is at the root
    for m in range(2, 257):
        depth.append(1 + sum((k * depth[k] + (m - k) * depth[m - k]) / m for k in range(1, m)) / (m - 1))
    assert_allclose(average_path(np.arange(1, 257)), depth[1:], rtol=1e-9, atol=1e-9)


def test_isolation_trees_grow_on_what_they_are_given():
    rng = np.random.default_rng(2)
    sample = np.concatenate([rng.normal(size=(255, 4)), [[30.0, 0, 0, 0]]])
    forest = grow_isolation(sample, 50, rng)
    scores = isolation_scores(forest, sample)
    assert scores.argmax() == 255
    assert 0.4 < np.median(scores) < 0.5
    assert scores[255] > 0.6
    first = forest.axis[:, 0]
    assert set(first.tolist()) == {0, 1, 2, 3}
    for tree in range(50):
        inside = sample[:, first[tree]].astype(np.float32)
        assert inside.min() <= forest.threshold[tree, 0] < inside.max()


def test_trees_that_are_grown_in_groups_know_as_much(monkeypatch):
    points = np.random.default_rng(5).normal(size=(2_000, 3))
    whole = isolation_scores(grow_isolation(points, 200, np.random.default_rng(0)), points)
    monkeypatch.setattr(isolation, "_CELLS", 3 * 256 * 7)
    forest = grow_isolation(points, 200, np.random.default_rng(0))
    assert forest.axis.shape == (200, 255)
    assert forest.value.shape == (200, 256)
    assert np.corrcoef(isolation_scores(forest, points), whole)[0, 1] > 0.98


@pytest.mark.parametrize("sorted_up_to", [0, 64])
def test_no_tree_sees_a_point_twice(sorted_up_to, monkeypatch):
    """Else a tree grown on as many points as there are could have two of them in a leaf."""
    monkeypatch.setattr(isolation, "_SORTED", sorted_up_to)
    points = np.arange(64.0)[:, None]
    forest = grow_isolation(points, 30, np.random.default_rng(0), sample=64)
    scale = float(average_path(64))
    for tree in range(30):
        cuts, leaves = np.array([walk(forest, tree, point) for point in points]).T
        counts = np.bincount(leaves, minlength=64)[leaves]
        assert_allclose(forest.value[tree, leaves] * scale - cuts, average_path(counts), atol=1e-9)


def test_equal_points_are_never_cut():
    forest = grow_isolation(np.ones((50, 3)), 10, np.random.default_rng(0))
    assert (forest.axis == -1).all()
    assert_array_equal(isolation_scores(forest, np.ones((2, 3))), [0.5, 0.5])


def test_isolation_agrees_with_scikit_learn():
    from sklearn.ensemble import IsolationForest

    rng = np.random.default_rng(3)
    sample = rng.normal(size=(600, 5)) * rng.lognormal(size=(600, 1))
    ours = isolation_scores(grow_isolation(sample, 300, rng), sample)
    theirs = -IsolationForest(n_estimators=300, random_state=0).fit(sample).score_samples(sample)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99
    assert_allclose(ours.mean(), theirs.mean(), atol=0.01)


def test_made_up_points_are_told_from_seen_ones():
    rng = np.random.default_rng(4)
    seen = rng.normal(size=(800, 3)) * [1.0, 1.0, 0.1]
    seen[:, 0] += np.where(rng.random(800) < 0.5, -6, 6)
    forest = grow_synthetic(seen, 40, np.random.default_rng(0))
    chance = forest.mean(seen.astype(np.float32))
    between = forest.mean(np.array([[0.0, 0.0, 0.0], [6.0, 0.0, 0.0], [6.0, 9.0, 9.0]], dtype=np.float32))
    assert (chance >= 0).all()
    assert chance.mean() < 0.3
    assert between[0] > 0.4 > 2 * between[1]
    assert between[2] > 0.8


def test_a_leaf_is_worth_its_share_of_made_up_rows():
    rng = np.random.default_rng(5)
    forest = grow_synthetic(rng.normal(size=(300, 2)), 5, np.random.default_rng(0))
    assert forest.value.min() >= 0
    assert forest.value.max() <= 1
    flat = grow_synthetic(np.zeros((30, 2)), 5, np.random.default_rng(0))
    assert (flat.axis == -1).all()
    assert_allclose(flat.mean(np.zeros((1, 2), dtype=np.float32)), 0.5, atol=0.1)

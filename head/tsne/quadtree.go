package tsne

import "math"

// quadtree holds points of the plane in cells; each cell stores the number and mean of its points.
type quadtree struct {
	cells []cell
	side  float64 // side of the root
}

type cell struct {
	x, y  float64  // sum of coordinates while building, then their mean
	count float64  // number of points
	child [4]int32 // 0: none (the root is never a child)
	leaf  bool     // its points are not distinguished: one point, coincident points, or the deepest level
	depth int32
}

// deepest bounds the tree if points coincide.
const deepest = 40

// build builds the tree of n points y (n×2).
func (t *quadtree) build(y []float64) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range y {
		low, high = min(low, v), max(high, v)
	}
	t.side = max(high-low, 1e-12) * (1 + 1e-9)
	t.cells = append(t.cells[:0], cell{})
	for i := 0; i < len(y); i += 2 {
		t.insert(y[i], y[i+1], low)
	}
	for i := range t.cells {
		c := &t.cells[i]
		c.x /= c.count
		c.y /= c.count
	}
}

// insert moves a point down to a leaf of its own.
func (t *quadtree) insert(x, y, low float64) {
	at, x0, y0, side := int32(0), low, low, t.side
	for {
		c := &t.cells[at]
		if c.count == 0 {
			c.leaf = true
		} else if c.leaf && c.depth < deepest && (c.x != x*c.count || c.y != y*c.count) {
			t.split(at, x0, y0, side)
			c = &t.cells[at]
		}
		c.x += x
		c.y += y
		c.count++
		if c.leaf {
			return
		}
		side /= 2
		q := 0
		if x >= x0+side {
			q, x0 = 1, x0+side
		}
		if y >= y0+side {
			q, y0 = q+2, y0+side
		}
		at = t.childOf(at, q)
	}
}

// split moves the content of a leaf into a child.
func (t *quadtree) split(at int32, x0, y0, side float64) {
	c := t.cells[at]
	q := 0
	if c.x/c.count >= x0+side/2 {
		q = 1
	}
	if c.y/c.count >= y0+side/2 {
		q += 2
	}
	child := t.childOf(at, q)
	t.cells[child].x, t.cells[child].y, t.cells[child].count, t.cells[child].leaf = c.x, c.y, c.count, true
	t.cells[at].leaf = false
}

func (t *quadtree) childOf(at int32, q int) int32 {
	if t.cells[at].child[q] == 0 {
		t.cells[at].child[q] = int32(len(t.cells))
		t.cells = append(t.cells, cell{depth: t.cells[at].depth + 1})
	}
	return t.cells[at].child[q]
}

// repel sums w²·(p − c) and w over all points c, w = 1/(1+‖p−c‖²), with cells replacing their points if side/distance is below angle. The
// sum includes the point itself, with w = 1. The stack is working memory and is returned.
func (t *quadtree) repel(x, y, angle float64, stack []int32) (fx, fy, z float64, _ []int32) {
	limit := t.side * t.side / (angle * angle)
	stack = append(stack[:0], 0)
	for len(stack) > 0 {
		c := &t.cells[stack[len(stack)-1]]
		stack = stack[:len(stack)-1]
		dx, dy := x-c.x, y-c.y
		d := dx*dx + dy*dy
		// side of the cell: t.side / 2^depth; the test is side² < angle²·d.
		if c.leaf || limit < d*float64(uint64(1)<<(2*min(c.depth, 31))) {
			w := 1 / (1 + d)
			z += c.count * w
			w *= w * c.count
			fx += w * dx
			fy += w * dy
			continue
		}
		for _, child := range c.child {
			if child != 0 {
				stack = append(stack, child)
			}
		}
	}
	return fx, fy, z, stack
}

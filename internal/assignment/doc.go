// Package assignment solves the rectangular assignment problem exactly.
//
// Given the cost of giving row i to column j, it names the pairing that uses no row and no column twice, leaves as
// few of them over as the shape allows, and costs least. The method is that of Jonker and Volgenant ("A shortest
// augmenting path algorithm for dense and sparse linear assignment problems", Computing 38, 1987):
//
//  1. Column reduction (square problems only): every column's price v falls to its cheapest cost.
//  2. Row reduction: each free row bids for its cheapest column, up to the advantage over its second choice.
//  3. Augmentation: each row still free finds a shortest path of reassignments to a free column (Dijkstra on reduced
//     costs), and the prices follow.
//  4. Ties: among all pairings of least cost, row 0 gets its lowest possible column, then row 1, and so on. Any
//     optimum would lead here, so the answer does not depend on the road taken.
//
// Time is O(n³) at worst and near O(n²) in practice; memory is the cost matrix, once more where rows outnumber columns.
package assignment

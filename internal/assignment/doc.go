// Package assignment solves the rectangular assignment problem exactly.
//
// Given the cost of assigning row i to column j, it finds the pairing that uses no row or column twice, leaves as few of them over as the
// shape allows, and costs least. It uses the method of Jonker and Volgenant ("A shortest augmenting path algorithm for dense and sparse
// linear assignment problems", Computing 38, 1987):
//
//  1. Column reduction (square problems only): every column's price v falls to its cheapest cost.
//  2. Row reduction: each free row bids for its cheapest column, up to the advantage over its second choice.
//  3. Augmentation: each row still free finds a shortest path of reassignments to a free column (Dijkstra on reduced
//     costs), and the prices follow.
//  4. Ties: among all pairings of least cost, row 0 gets its lowest possible column, then row 1, and so on. Any
//     optimum would lead here, so the answer does not depend on the road taken.
//
// Worst-case time is O(n³), in practice near O(n²). Memory is the cost matrix, and a second copy of it if rows outnumber columns. For thousands of rows
// and columns of which few have anything in common, as the clusters of two partitions, SolveSparse takes a list of those instead.
package assignment

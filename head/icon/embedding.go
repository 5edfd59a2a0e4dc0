package icon

import (
	"math/rand/v2"

	"iconic/internal/kernel"
)

// Embedding is a table: point i's representation is row i, independent of its features.
type Embedding[T kernel.Float] struct {
	table, gradient []T
}

// NewEmbedding draws an n×d table from a normal distribution with the given standard deviation.
func NewEmbedding[T kernel.Float](n, d int, deviation float64, r *rand.Rand) *Embedding[T] {
	e := &Embedding[T]{make([]T, n*d), make([]T, n*d)}
	for i := range e.table {
		e.table[i] = T(deviation * r.NormFloat64())
	}
	return e
}

// Forward implements Mapper; it ignores the features.
func (e *Embedding[T]) Forward([]T, int) []T { return e.table }

// Backward implements Mapper.
func (e *Embedding[T]) Backward(dz []T) { copy(e.gradient, dz) }

// Parameters returns the table of points.
func (e *Embedding[T]) Parameters() [][]T { return [][]T{e.table} }

// Gradients returns the gradient of the table.
func (e *Embedding[T]) Gradients() [][]T { return [][]T{e.gradient} }

package icon

import "iconic/internal/kernel"

// Mapper computes representations of points, and turns gradients by representations into gradients by its parameters.
type Mapper[T kernel.Float] interface {
	// Forward returns z (n×Out) of points x (n×In). It keeps what Backward needs.
	Forward(x []T, n int) (z []T)
	// Backward writes, without adding, ∂L/∂parameters for the ∂L/∂z of the last Forward.
	Backward(dz []T)
	// Parameters and Gradients correspond slice by slice.
	Parameters() [][]T
	Gradients() [][]T
}

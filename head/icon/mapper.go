package icon

import "iconic/internal/kernel"

// Mapper makes representations of points, and takes gradients by representations to gradients by its parameters.
type Mapper[T kernel.Float] interface {
	// Forward gives z (n×Out) of points x (n×In). It keeps what Backward needs.
	Forward(x []T, n int) (z []T)
	// Backward adds nothing: it writes ∂L/∂parameters for ∂L/∂z of the last Forward.
	Backward(dz []T)
	// Parameters and Gradients are aligned, slice by slice.
	Parameters() [][]T
	Gradients() [][]T
}

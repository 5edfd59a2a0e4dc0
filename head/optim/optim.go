package optim

import (
	"math"
	"slices"
)

// Float is the number type of parameters.
type Float interface{ float32 | float64 }

// Optimiser turns gradients into steps. It belongs to one set of parameters.
type Optimiser[T Float] interface {
	// Step moves each parameter against its gradient.
	Step(parameters, gradients [][]T, rate float64)
	// State returns what a checkpoint must store of an optimiser of these parameters: the same slices and counts that Step changes,
	// allocated now if there has been no step.
	State(parameters [][]T) (moments [][]T, counts []int64)
}

var (
	_ Optimiser[float32] = (*Adam[float32])(nil)
	_ Optimiser[float32] = (*SGD[float32])(nil)
)

// Adam is the optimiser of Kingma and Ba (2015, algorithm 1); with WeightDecay it is AdamW (Loshchilov and Hutter 2019), whose decay does
// not pass through the moments. A rate of zero means its default.
type Adam[T Float] struct {
	Beta1       float64 // decay of the first moment; 0.9 when 0
	Beta2       float64 // decay of the second moment; 0.999 when 0
	Epsilon     float64 // 1e-8 when 0
	WeightDecay float64 // share of the learning rate by which weights shrink; 0: plain Adam

	first, second [][]T    // moments, one slice for each parameter; made by the first Step
	steps         [1]int64 // number of steps taken
}

// State implements Optimiser.
func (a *Adam[T]) State(parameters [][]T) (moments [][]T, counts []int64) {
	if a.first == nil {
		a.first, a.second = like(parameters), like(parameters)
	}
	return slices.Concat(a.first, a.second), a.steps[:]
}

// Step moves each parameter against its gradient by about rate.
func (a *Adam[T]) Step(parameters, gradients [][]T, rate float64) {
	if a.first == nil {
		a.first, a.second = like(parameters), like(parameters)
	}
	a.steps[0]++
	beta1, beta2, epsilon := orDefault(a.Beta1, 0.9), orDefault(a.Beta2, 0.999), orDefault(a.Epsilon, 1e-8)
	// Step size and ε include the bias corrections, so that the loop has none.
	correction2 := math.Sqrt(1 - math.Pow(beta2, float64(a.steps[0])))
	size := T(rate * correction2 / (1 - math.Pow(beta1, float64(a.steps[0]))))
	floor := T(epsilon * correction2)
	keep := T(1 - rate*a.WeightDecay)
	b1, b2 := T(beta1), T(beta2)
	for i, w := range parameters {
		m, v := a.first[i], a.second[i]
		for e, g := range gradients[i] {
			m[e] = b1*m[e] + (1-b1)*g
			v[e] = b2*v[e] + (1-b2)*g*g
			w[e] = keep*w[e] - size*m[e]/(T(math.Sqrt(float64(v[e])))+floor)
		}
	}
}

// SGD is gradient descent with (heavy-ball) momentum.
type SGD[T Float] struct {
	Momentum float64 // share of the last step that is kept, 0 to 1
	velocity [][]T   // one slice for each parameter; made by the first Step
}

// Step moves each parameter: velocity = momentum·velocity + gradient, parameter −= rate·velocity.
func (s *SGD[T]) Step(parameters, gradients [][]T, rate float64) {
	if s.velocity == nil {
		s.velocity = like(parameters)
	}
	for i, w := range parameters {
		velocity := s.velocity[i]
		for e, g := range gradients[i] {
			velocity[e] = T(s.Momentum)*velocity[e] + g
			w[e] -= T(rate) * velocity[e]
		}
	}
}

// State implements Optimiser.
func (s *SGD[T]) State(parameters [][]T) (moments [][]T, counts []int64) {
	if s.velocity == nil {
		s.velocity = like(parameters)
	}
	return s.velocity, nil
}

// Average moves each average towards its parameter: average = decay·average + (1−decay)·parameter.
func Average[T Float](average, parameters [][]T, decay float64) {
	keep := T(decay)
	for i, w := range parameters {
		for e, v := range w {
			average[i][e] = keep*average[i][e] + (1-keep)*v
		}
	}
}

func like[T Float](parameters [][]T) [][]T {
	zeros := make([][]T, len(parameters))
	for i, p := range parameters {
		zeros[i] = make([]T, len(p))
	}
	return zeros
}

func orDefault(v, d float64) float64 {
	if v == 0 {
		return d
	}
	return v
}

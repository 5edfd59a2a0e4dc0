package optim

import "math"

// Float is the kind of number that parameters are made of.
type Float interface{ float32 | float64 }

// Adam is the optimiser of Kingma and Ba (2015, algorithm 1); with WeightDecay it is AdamW (Loshchilov and Hutter 2019),
// whose decay does not pass through the moments. The zero value of a rate stands for its default.
type Adam[T Float] struct {
	Beta1       float64 // decay of the first moment; 0.9 when 0
	Beta2       float64 // decay of the second moment; 0.999 when 0
	Epsilon     float64 // 1e-8 when 0
	WeightDecay float64 // share of the learning rate by which weights shrink; 0: plain Adam

	First, Second [][]T // moments, one slice a parameter; made by the first Step
	Steps         int   // steps taken
}

// Step moves each parameter against its gradient by about rate.
func (a *Adam[T]) Step(parameters, gradients [][]T, rate float64) {
	if a.First == nil {
		a.First, a.Second = like(parameters), like(parameters)
	}
	a.Steps++
	beta1, beta2, epsilon := orDefault(a.Beta1, 0.9), orDefault(a.Beta2, 0.999), orDefault(a.Epsilon, 1e-8)
	// Step size and ε carry the bias corrections, so that the loop has none.
	correction2 := math.Sqrt(1 - math.Pow(beta2, float64(a.Steps)))
	size := T(rate * correction2 / (1 - math.Pow(beta1, float64(a.Steps))))
	floor := T(epsilon * correction2)
	keep := T(1 - rate*a.WeightDecay)
	b1, b2 := T(beta1), T(beta2)
	for i, w := range parameters {
		m, v := a.First[i], a.Second[i]
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
	Velocity [][]T   // one slice a parameter; made by the first Step
}

// Step moves each parameter: velocity = momentum·velocity + gradient, parameter −= rate·velocity.
func (s *SGD[T]) Step(parameters, gradients [][]T, rate float64) {
	if s.Velocity == nil {
		s.Velocity = like(parameters)
	}
	for i, w := range parameters {
		velocity := s.Velocity[i]
		for e, g := range gradients[i] {
			velocity[e] = T(s.Momentum)*velocity[e] + g
			w[e] -= T(rate) * velocity[e]
		}
	}
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

// Clone copies parameters.
func Clone[T Float](parameters [][]T) [][]T {
	c := like(parameters)
	for i, p := range parameters {
		copy(c[i], p)
	}
	return c
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

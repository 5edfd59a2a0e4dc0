package rival

import (
	"iconic/head/knn"
	"iconic/head/method"
)

// Methods returns the methods of this package.
func Methods() []method.Method {
	const purpose = "comparison on the same features"
	near := method.Neighbourhood{Neighbours: 50, Metric: knn.Cosine, Search: knn.SearchAuto}
	return []method.Method{
		method.New(method.About{Name: "temi", Supervisory: "nearest neighbours, weighted by the teachers' agreement", Learned: "a rival: PMI of student and teacher", Mapper: "linear, many heads",
			Equation: "−1/n Σ_i w_i ln Σ_c (s_ic t_ic)^β / π_c", Source: "Adaloglou et al. 2023", Purpose: purpose,
			Undrawn: "Its loss is a weighted mutual information of a student's and a teacher's assignments: there is no q over neighbours."}, func(int) method.Recipe {
			return &TEMI{pairs: pairs{
				Neighbourhood: near, Batches: method.Batches{Batch: 1024}, Heads: 16,
				Descent: method.Descent{Epochs: 100, LearningRate: 1e-4, Schedule: "constant"},
			}, WeightDecay: method.WeightDecay{Decay: 1e-4}, Temperature: 0.1}
		}),
		method.New(method.About{Name: "scan", Supervisory: "nearest neighbours", Learned: "a rival: agreement of neighbours, entropy of clusters", Mapper: "linear",
			Equation: "−1/n Σ_i ln⟨φ_i, φ'_i⟩ + λ Σ_c π_c ln π_c", Source: "Van Gansbeke et al. 2020", Purpose: purpose,
			Undrawn: "Its loss rewards equal assignments of neighbours and the use of all clusters: there is no q over neighbours that sums to 1."}, func(int) method.Recipe {
			return &SCAN{pairs{
				Neighbourhood: near, Batches: method.Batches{Batch: 2048}, Heads: 10,
				Descent: method.Descent{Epochs: 100, LearningRate: 5, Schedule: "constant"},
			}}
		}),
		method.New(method.About{Name: "turtle", Supervisory: "labels that a linear classifier learns in a few steps", Learned: "a rival: that classifier", Mapper: "linear, weight-normalised",
			Equation: "−1/n Σ_i Σ_c τ_ic ln q_ic − γ H(π)", Source: "Gadetsky et al. 2024", Purpose: purpose,
			Undrawn: "Its p and q are distributions of one point over labels, which are learned too: it uses no neighbours."}, func(int) method.Recipe {
			return &TURTLE{Batch: 10000, Descent: method.Descent{Epochs: 6000, LearningRate: turtleRate, Schedule: "constant"}}
		}),
	}
}

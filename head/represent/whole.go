package represent

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"iconic/head/clustering"
	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/method"
	"iconic/head/principal"
	"iconic/head/setting"
	"iconic/head/spectral"
	"iconic/head/train"
	"iconic/head/tsne"
	"iconic/internal/kernel"
	"iconic/internal/plural"
)

// mostWhole is the largest number of points for which every step compares all pairs.
const mostWhole = 5000

// Map embeds all points freely, by an embedding table, in every step.
type Map struct {
	method.Scaling
	method.Neighbourhood
	method.Shares
	method.Descent // an epoch is a step
	Dimensions     int
	Perplexity     float64
	Freedom        float64

	p       wholeSet
	learned icon.Learned
	reads   []string // of neighbours, perplexity, freedom
}

// wholeSet computes the supervisory distribution of all points.
type wholeSet func(ctx context.Context, m *Map, d *method.Data) (*icon.Rows, error)

func newMap(p wholeSet, learned icon.Learned, reads ...string) func(int) method.Recipe {
	return func(int) method.Recipe {
		return &Map{
			Scaling: method.Scaling{Standardize: true}, Neighbourhood: defaultNeighbours(), Dimensions: 2, Perplexity: 30, Freedom: 1,
			Descent: method.Descent{Epochs: 500, LearningRate: 0.1, Schedule: "cosine"}, p: p, learned: learned, reads: reads,
		}
	}
}

func defaultNeighbours() method.Neighbourhood {
	return method.Neighbourhood{Neighbours: 10, Metric: knn.Cosine, Search: knn.SearchAuto}
}

// Settings implements method.Recipe.
func (m *Map) Settings() setting.List {
	list := setting.Join(m.Shares.Settings(), m.Scaling.Settings())
	if slices.Contains(m.reads, "neighbours") {
		list = append(list, m.Neighbourhood.Settings()...)
	}
	list = append(list, m.Descent.Settings("number of steps, each on the whole set")...)
	list = append(list, dimensionsSetting(&m.Dimensions))
	if slices.Contains(m.reads, "perplexity") {
		list = append(list, perplexitySetting(&m.Perplexity), method.SearchSetting(&m.Search))
	}
	if slices.Contains(m.reads, "freedom") {
		list = append(list, setting.Positive("freedom", &m.Freedom, "degrees of freedom of Student's t over the features"))
	}
	return list
}

func dimensionsSetting(to *int) setting.Setting {
	return setting.Int("dimensions", to, 1, 1<<14, "dimensions of the representation")
}

func perplexitySetting(to *float64) setting.Setting {
	return setting.NotNegative("perplexity", to, "perplexity of the Gaussian neighbours: their effective number").WithRows("1 to a third of the other images", func(n int) error {
		if most := tsne.MostPerplexity(n); !(*to >= 1 && *to <= most) {
			return fmt.Errorf("perplexity %g of %d images: want 1 to %g, a third of the others", *to, n, math.Floor(most))
		}
		return nil
	}).DefaultAtMost("a third of the other images", func(n, _ int) int { return int(tsne.MostPerplexity(n)) })
}

// Resolve implements method.Recipe.
func (m *Map) Resolve(n int) ([]string, error) {
	if n > mostWhole {
		return nil, fmt.Errorf("%d images, but every step compares all pairs: want at most %d; tsne accepts more", n, mostWhole)
	}
	if err := m.Shares.Check(); err != nil {
		return nil, err
	}
	return m.Neighbourhood.Resolve(n)
}

// Learn implements method.Recipe by the engine's own fit: steps of Adam on the whole set.
func (m *Map) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	supervisory, err := m.p(ctx, m, d)
	if err != nil {
		return nil, err
	}
	n := d.Features.Len()
	r := rand.New(rand.NewPCG(d.Seed, 0x6d6170))
	engine := icon.ICon[float32]{
		Supervisory: supervisory, Learned: m.learned, Alpha: m.Alpha, Beta: m.Beta, Workers: d.Workers,
		Mapper: icon.NewEmbedding[float32](n, m.Dimensions, 1e-2, r),
	}
	z, loss, err := engine.Train(ctx, d.Run, nil, n, train.Plan{Epochs: m.Epochs, Steps: 1, Rate: m.LearningRate, Schedule: m.At()})
	return &method.Outcome{Notes: unconnected(n, d.Edges), Representation: z, Dimensions: m.Dimensions, Loss: loss, Distributions: func(context.Context) (*method.Distributions, error) {
		return &method.Distributions{
			Supervisory: supervisory, Alpha: m.Alpha, Learned: m.learned, Z: z, Dim: m.Dimensions, Beta: m.Beta, Candidates: method.RowCandidates,
		}, nil
	}}, err
}

// unconnected is a note on the points of a user's graph without edges from them, if there are any.
func unconnected(n int, edges []icon.Edge) []string {
	if len(edges) == 0 { // the method reads no graph
		return nil
	}
	from, to := make([]bool, n), make([]bool, n)
	for _, e := range edges {
		from[e.From], to[e.To] = true, true
	}
	none, alone := 0, 0
	for i := range n {
		switch {
		case from[i]:
		case to[i]:
			none++
		default:
			none, alone = none+1, alone+1
		}
	}
	if none == 0 {
		return nil
	}
	either := ""
	if alone > 0 {
		either = fmt.Sprintf("; %d of these %s no incoming edge either, so nothing determines where %s", alone, plural.Word(alone, "has", "have"), plural.Word(alone, "it belongs", "they belong"))
	}
	return []string{fmt.Sprintf("%d of %d images %s no outgoing edge in the graph, so %s no neighbours of %s own%s; an edge from 3 to 17 makes 17 a neighbour of 3, but not the reverse",
		none, n, plural.Word(none, "has", "have"), plural.Word(none, "it has", "they have"), plural.Word(none, "its", "their"), either)}
}

// mapGaussian is exp(−d²), SNE's kernel on the map; mapStudent is t-SNE's.
var (
	mapGaussian = icon.Gaussian{Sigma: math.Sqrt(0.5)}
	mapStudent  = icon.StudentT{Freedom: 1}
)

// near returns the graph over whose edges a distribution over the features is taken, with three times the perplexity as neighbours, as in
// t-SNE implementations.
func near(ctx context.Context, m *Map, d *method.Data) (*knn.Graph, error) {
	k := min(d.Features.Len()-1, int(3*m.Perplexity))
	return m.Search.Find(ctx, d.Features, knn.Options{K: k, Metric: knn.Euclidean, Workers: d.Workers})
}

// gaussianOver is SNE's p: Gaussians with the given perplexity.
func gaussianOver(ctx context.Context, m *Map, d *method.Data) (*icon.Rows, error) {
	g, err := near(ctx, m, d)
	if err != nil {
		return nil, err
	}
	return icon.GaussianEdges(g, m.Perplexity)
}

// studentOver is Student's t over the features.
func studentOver(ctx context.Context, m *Map, d *method.Data) (*icon.Rows, error) {
	g, err := near(ctx, m, d)
	if err != nil {
		return nil, err
	}
	return icon.StudentTEdges(g, m.Freedom)
}

// uniformOver is the neighbour graph itself.
func uniformOver(_ context.Context, _ *Map, d *method.Data) (*icon.Rows, error) {
	return icon.KNN(d.Graph), nil
}

// edgesOver is a user's graph; a point without edges has only the uniform part.
func edgesOver(_ context.Context, _ *Map, d *method.Data) (*icon.Rows, error) {
	return icon.Graph(d.Features.Len(), d.Edges)
}

// TSNE is t-SNE with the Barnes-Hut approximation.
type TSNE struct {
	method.Scaling
	Iterations int
	Perplexity float64
	Search     knn.Search
}

func newTSNE(int) method.Recipe {
	return &TSNE{Scaling: method.Scaling{Standardize: true}, Iterations: 750, Perplexity: 30, Search: knn.SearchAuto}
}

// Settings implements method.Recipe.
func (s *TSNE) Settings() setting.List {
	return setting.Join(s.Scaling.Settings(), setting.List{
		setting.Int("epochs", &s.Iterations, 1, 0, "iterations of gradient descent, each on the whole set"),
		perplexitySetting(&s.Perplexity), method.SearchSetting(&s.Search),
	})
}

// Resolve implements method.Recipe.
func (s *TSNE) Resolve(n int) (_ []string, err error) {
	s.Search, err = s.Search.Resolve(n)
	return nil, err
}

// Learn implements method.Recipe.
func (s *TSNE) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	z, kl, err := tsne.Layout(ctx, d.Features, tsne.Options{
		Perplexity: s.Perplexity, Iterations: s.Iterations, Metric: knn.Euclidean, Search: s.Search, Workers: d.Workers, Run: d.Run,
	})
	if err != nil {
		return nil, err
	}
	return &method.Outcome{Representation: z, Dimensions: 2, Loss: kl, Distributions: func(ctx context.Context) (*method.Distributions, error) {
		p, err := gaussianOver(ctx, &Map{Perplexity: s.Perplexity, Neighbourhood: method.Neighbourhood{Search: s.Search}}, d)
		if err != nil {
			return nil, err
		}
		return &method.Distributions{
			Supervisory: symmetric(p), Learned: mapStudent, Z: z, Dim: 2, Candidates: method.RowCandidates,
			Note: "t-SNE normalises over all pairs; here each row of both is scaled to sum to 1",
		}, nil
	}}, nil
}

// symmetric is p_ij + p_ji, scaled to sum to 1 in each row.
func symmetric(p *icon.Rows) *icon.Rows {
	back := make([]map[int]float64, p.Len())
	for i := range back {
		back[i] = map[int]float64{}
	}
	for i := range p.Len() {
		column, weight := p.Row(i)
		for e, j := range column {
			back[j][i] += float64(weight[e])
		}
	}
	return icon.Build(p.Len(), func(i int, add func(int, float64)) {
		column, weight := p.Row(i)
		for e, j := range column {
			add(int(j), float64(weight[e]))
		}
		for j, w := range back[i] {
			add(j, w)
		}
	})
}

// PCA is principal component analysis.
type PCA struct {
	method.Scaling
	Dimensions int
}

func newPCA(int) method.Recipe { return &PCA{Dimensions: 50} }

// Settings implements method.Recipe.
func (p *PCA) Settings() setting.List {
	return append(p.Scaling.Settings(), dimensionsSetting(&p.Dimensions))
}

// Resolve implements method.Recipe.
func (p *PCA) Resolve(int) ([]string, error) { return nil, nil }

// Learn finds the orthogonal projection that minimises the limit σ → ∞. With p the identity and z = Wx, the only other term of the loss in
// that limit is −1/(n−1) Σ_j ‖z_i−z_j‖², minus twice the retained variance trace(W C Wᵀ): its minimum is on the principal components.
func (p *PCA) Learn(ctx context.Context, data *method.Data) (*method.Outcome, error) {
	d := data.Features.Dim()
	k := min(p.Dimensions, d)
	var notes []string
	if k < p.Dimensions {
		notes = append(notes, fmt.Sprintf("features of %d numbers have only %d principal components, not %d", d, d, p.Dimensions))
	}
	c, err := principal.Find(ctx, data.Features, k, data.Workers)
	if err != nil {
		return nil, err
	}
	y, err := c.Project(ctx, data.Features, 1, data.Workers)
	if err != nil {
		return nil, err
	}
	z := make([]float32, len(y))
	for i, v := range y {
		z[i] = float32(v)
	}
	kept := 0.0
	for _, v := range c.Variance {
		kept += v
	}
	return &method.Outcome{Representation: z, Dimensions: k, Loss: -2 * kept, Notes: notes}, nil
}

// Spectral is spectral clustering: the eigenvectors of the neighbour graph.
type Spectral struct {
	method.Scaling
	method.Neighbourhood
}

func newSpectral(int) method.Recipe {
	return &Spectral{method.Scaling{Standardize: true}, defaultNeighbours()}
}

// Settings implements method.Recipe.
func (s *Spectral) Settings() setting.List {
	return setting.Join(s.Scaling.Settings(), s.Neighbourhood.Settings())
}

// Resolve implements method.Recipe.
func (s *Spectral) Resolve(n int) ([]string, error) { return s.Neighbourhood.Resolve(n) }

const (
	// mostNumbers bounds the size of a matrix, such as that of the eigenvectors, of which about four copies are stored: 2³⁰ numbers need 16 GB.
	mostNumbers = 1 << 30
	// residual of every eigenvector, ‖Mv − λv‖, at which the solver ends. The error of a vector is about the residual divided by the distance of
	// its eigenvalue from the next, which among a hundred is some thousandths.
	residual = 1e-5
)

// Learn computes the leading eigenvectors of the normalised neighbour graph, M = D^−½ A D^−½ with A_ij = (w_ij + w_ji)/2, one for each
// cluster, with rows scaled to length 1 (Ng, Jordan and Weiss 2001). The loss is −trace(Vᵀ M V), minus the sum of their eigenvalues.
func (s *Spectral) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	n, k := d.Graph.N, d.Clusters
	if n*k > mostNumbers {
		return nil, fmt.Errorf("%d eigenvectors of %d images need too much memory: want at most %d numbers; use fewer images", k, n, mostNumbers)
	}
	m := spectral.Normalised(d.Graph, clustering.Weights(d.Graph))
	e, err := spectral.Leading(ctx, m, spectral.Options{Count: k, Residual: residual, Seed: d.Seed, Workers: d.Workers})
	if err != nil {
		return nil, err
	}
	out := &method.Outcome{Representation: e.Vectors.X, Dimensions: k}
	for _, value := range e.Values {
		out.Loss -= value
	}
	if e.Residual > residual {
		out.Notes = []string{fmt.Sprintf("the eigenvectors have a residual of %.1g instead of the requested %g", e.Residual, residual)}
	}
	kernel.NormalizeRows(e.Vectors.X, k)
	return out, nil
}

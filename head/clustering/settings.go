package clustering

import (
	"errors"
	"fmt"

	"iconic/head/setting"
)

// Settings implements method.Recipe.
func (r *Recipe) Settings() setting.List {
	graph, pairs := r.Neighbourhood.Settings(), r.Pairs.Settings()
	refine := setting.List{setting.Int("refine", &r.Refine, 0, 10, "number of further rounds, with edges weighted by the head's own assignments")}
	if r.kind == labels { // the neighbours are the rows with the same label, and no edges
		graph, pairs, refine = nil, setting.List{r.ViewSetting()}, nil
	}
	var sample setting.List
	if !r.exact {
		sample = setting.List{
			setting.Int("debias-sample", &r.Sample, 0, 0, "rows of a batch, drawn for each step, over which the uniform share is estimated; 0: exactly, over all rows").
				Unchanging("if alpha is 0 there is no uniform share to sample").WhenChosen(r.sampleChosen),
		}
	}
	return setting.Join(r.Shares.Settings(), sample, r.Scaling.Settings(), graph, pairs, refine, setting.List{
		setting.Bool("consensus", &r.Consensus, "let all heads with nearly the lowest loss vote, instead of keeping the one with the lowest loss").
			Unchanging("a single head cannot be combined, and heads whose losses differ much are not").WhenChosen(r.consensusChosen),
		setting.Bool("distil", &r.Distil, "to save space, keep one linear head that has learnt the vote of several, instead of all of them").
			Unchanging("it applies only if heads vote").WhenChosen(r.distilChosen),
		setting.Choice("divergence", &r.Divergence, "divergence between the supervisory and the learned distribution", "kl", "reverse-kl", "jensen-shannon", "total-variation", "hellinger"),
	}, r.Batches.Settings(),
		r.Ruled("how often each image is an anchor; 0: enough for min-steps, and at least 60 times, or 30 with consensus", "learning rate of Adam; 0: 0.72 divided by the number of steps, at least 0.001 and at most 0.003"),
		setting.List{
			setting.Int("min-steps", &r.MinSteps, 0, 0, "minimum number of steps if epochs is 0").Unchanging("it applies only if epochs is 0 and it gives more epochs than the minimum").
				WhenChosen(r.leastChosen),
			setting.Int("max-steps", &r.MaxSteps, 0, 0, "approximate maximum number of steps if epochs is 0: large sets get fewer epochs; 0: no limit").
				Unchanging("it applies only if epochs is 0 and that gives more steps").WhenChosen(r.ruled(&r.MaxSteps)),
			setting.NotNegative("least-gain", &r.LeastGain, "skip the remaining epochs at a learning rate once the loss falls by less than this in an epoch, in nats; 0: never").
				Unchanging("it applies only to epochs of at least 100 steps; the mean loss of fewer is too noisy").WhenChosen(r.gainChosen),
		}, r.WeightDecay.Settings(), setting.List{
			EMASetting(&r.EMA, "decay of the moving average of the weights, which is saved as the head; 0: no average"),
			HeadsSetting(&r.Heads, "number of heads trained at once, each from its own start"),
		})
}

// sampleChosen, and the functions below, say why a value that the user has chosen has no effect.
func (r *Recipe) sampleChosen(int) (idle string, err error) {
	switch {
	case r.Sample == 0:
		return "", nil
	case divergences[r.Divergence] != nil:
		return "", r.unsampled()
	case r.Alpha == 0:
		return "alpha is 0, so there is no uniform share to sample", nil
	}
	return "", nil
}

// unsampled is the error for a sample of the uniform share under another divergence than KL.
func (r *Recipe) unsampled() error {
	return fmt.Errorf("debias-sample %d: the uniform share is sampled only for the divergence kl, not for %s: set debias-sample to 0", r.Sample, r.Divergence)
}

func (r *Recipe) consensusChosen(int) (idle string, err error) {
	if r.Consensus && r.Heads == 1 {
		return "heads is 1, and a single head cannot be combined", nil
	}
	return "", nil
}

func (r *Recipe) distilChosen(int) (idle string, err error) {
	switch {
	case !r.Distil:
		return "", nil
	case r.Heads == 1:
		return "heads is 1, and it applies only if heads vote", nil
	case !r.Consensus:
		return "consensus is false, and it applies only if heads vote", nil
	}
	return "", nil
}

func (r *Recipe) ruled(steps *int) func(int) (idle string, err error) {
	return func(int) (string, error) {
		if *steps == 0 || r.Epochs == 0 {
			return "", nil
		}
		return fmt.Sprintf("epochs is %d, and it applies only if epochs is 0", r.Epochs), nil
	}
}

// leastChosen is ruled for the least number of steps, which the largest may not contradict.
func (r *Recipe) leastChosen(n int) (idle string, err error) {
	if r.Epochs == 0 && r.MaxSteps > 0 && r.MinSteps > r.MaxSteps {
		return "", fmt.Errorf("min-steps %d is more than max-steps %d: set max-steps to at least %[1]d, or to 0 for any number", r.MinSteps, r.MaxSteps)
	}
	return r.ruled(&r.MinSteps)(n)
}

func (r *Recipe) gainChosen(n int) (idle string, err error) {
	steps := r.Steps(n)
	if r.LeastGain == 0 || steps >= manySteps {
		return "", nil
	}
	return fmt.Sprintf("it applies only to epochs of at least %d steps, and one of %d images has %d", manySteps, n, steps), nil
}

// EMASetting returns the setting for the decay of a moving average.
func EMASetting(to *float64, meaning string) setting.Setting {
	s := setting.Number("ema", to, func(v float64) bool { return v >= 0 && v < 1 }, "a decay from 0, below 1", meaning)
	s.Kind = "decay"
	return s
}

// HeadsSetting returns the setting for the number of heads.
func HeadsSetting(to *int, meaning string) setting.Setting {
	return setting.Int("heads", to, 1, 64, meaning).Unchanging("the head with the lowest loss may be the same with fewer heads")
}

// Resolve implements method.Recipe.
func (r *Recipe) Resolve(n int) ([]string, error) {
	if err := r.Shares.Check(); err != nil {
		return nil, err
	}
	if r.Divergence == "reverse-kl" && r.Alpha == 0 {
		return nil, errors.New("divergence reverse-kl with alpha 0: KL(q‖p) is infinite wherever q has mass and p has none: set alpha above 0, such as to 0.1")
	}
	if r.Sample > 0 && r.Sample != defaultSample && divergences[r.Divergence] != nil {
		return nil, r.unsampled()
	}
	if r.kind == labels && r.Refine > 0 {
		return nil, fmt.Errorf("refine %d: the neighbours are the images with the same label, which a head does not weight: set refine to 0", r.Refine)
	}
	notes, err := r.Neighbourhood.Resolve(n)
	if err != nil {
		return nil, err
	}
	notes = append(notes, r.Batches.Resolve(n)...)
	if rows := 2 * r.Anchors(); r.Sample >= rows || divergences[r.Divergence] != nil {
		if r.Sample > 0 && r.Sample != defaultSample {
			notes = append(notes, fmt.Sprintf("debias-sample %d is not less than the %d rows of a batch: the uniform share is computed exactly", r.Sample, rows))
		}
		r.Sample = 0
	}
	perEpoch := r.Steps(n)
	if r.Epochs == 0 {
		least := 60
		if r.Consensus && r.Heads > 1 {
			least = 30
		}
		r.Epochs = max(least, (r.MinSteps+perEpoch-1)/perEpoch)
		if most := max(1, (r.MaxSteps+perEpoch-1)/perEpoch); r.MaxSteps > 0 && r.Epochs > most {
			r.Epochs = most
			why := "a set of this size needs no more (setting max-steps)"
			if r.MaxSteps != defaultMaxSteps {
				why = fmt.Sprintf("max-steps %d allows no more", r.MaxSteps)
			}
			notes = append(notes, fmt.Sprintf("%d epochs, %d steps: %s", r.Epochs, r.Epochs*perEpoch, why))
		}
	}
	if r.LearningRate == 0 {
		r.LearningRate = min(3e-3, max(1e-3, 0.72/float64(r.Epochs*perEpoch)))
	}
	return notes, nil
}

// epochs is the number of epochs of a round: the first, or a refining one.
func (r *Recipe) epochs(round int) int {
	if round == 0 {
		return r.Epochs
	}
	return (r.Epochs + 1) / 2
}

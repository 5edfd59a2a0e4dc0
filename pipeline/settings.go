package main

import (
	"errors"
	"strconv"

	"iconic/head"
	"iconic/head/knn"
	"iconic/head/optim"
)

// setting is a setting of the training by its name: a flag of train, and one that takes a list of sweep.
type setting struct {
	name, kind, usage string
	apply             func(c *head.Config, value string) error
}

// trainSettings are applied in this order: the method makes the configuration that the others change.
func trainSettings() []setting {
	return []setting{
		{"clusters", "int", "number of clusters (default: the number of classes)", integer(func(c *head.Config) *int { return &c.Clusters })},
		{"method", "name", "training method; see 'pipeline methods' (default: " + head.MethodDefault + ")", func(c *head.Config, v string) error {
			preset, err := head.Preset(v, c.Clusters)
			*c = preset
			return err
		}},
		{"alpha", "share", "uniform share of both distributions, 0 to 1 (default: by the number of clusters)", func(c *head.Config, v string) (err error) {
			c.Alpha, err = strconv.ParseFloat(v, 64)
			c.Beta = c.Alpha
			return err
		}},
		{"sides", "side", "which distributions --alpha goes to: target, learned, both", func(c *head.Config, v string) error {
			switch v {
			case "target":
				c.Beta = 0
			case "learned":
				c.Alpha = 0
			case "both":
			default:
				return errors.New("want target, learned or both")
			}
			return nil
		}},
		{"beta", "share", "uniform share of the learned distribution alone (default: --alpha)", number(func(c *head.Config) *float64 { return &c.Beta })},
		{"standardize", "bool", "scale every feature to mean 0 and variance 1 (default: by the method)", truth(func(c *head.Config) *bool { return &c.Standardize })},
		{"neighbours", "int", "nearest neighbours that count as one's own (default: by the method)", integer(func(c *head.Config) *int { return &c.Neighbours })},
		{"neighbour-search", "kind", "exact, approximate, or auto: exact up to 200,000 images (default: auto)", func(c *head.Config, v string) error {
			c.Search = knn.Search(v)
			return nil
		}},
		{"walk", "int", "steps along the neighbour graph that lead to a neighbour, at most (default: 1)", integer(func(c *head.Config) *int { return &c.Walk })},
		{"use-views", "bool", "count augmented views of an image, where the store has them, as its neighbours (default: by the method)", truth(func(c *head.Config) *bool { return &c.Views })},
		{"refine", "int", "further rounds with edges weighted by the head's own assignments (default: by the method)", integer(func(c *head.Config) *int { return &c.Refine })},
		{"consensus", "bool", "end with a head that learns what all --heads say together, instead of the one of least loss (default: by the method)", truth(func(c *head.Config) *bool { return &c.Consensus })},
		{"divergence", "name", "of clustering methods: kl, reverse-kl, jensen-shannon, total-variation, hellinger (default: kl)", func(c *head.Config, v string) error {
			c.Divergence = v
			return nil
		}},
		{"batch", "int", "rows of a step, anchors and neighbours together (default: by the method)", integer(func(c *head.Config) *int { return &c.Batch })},
		{"batch-anchors", "bool", "--batch counts anchors alone, as some papers do", truth(func(c *head.Config) *bool { return &c.BatchAnchors })},
		{"epochs", "int", "how often each image is an anchor (default: enough steps for the set's size)", integer(func(c *head.Config) *int { return &c.Epochs })},
		{"lr", "rate", "learning rate of Adam (default: by the number of steps)", number(func(c *head.Config) *float64 { return &c.LearningRate })},
		{"schedule", "name", "of the learning rate: step (halved at each third), cosine or constant (default: by the method)", func(c *head.Config, v string) error {
			c.Schedule = optim.Schedule{Kind: v, WarmUp: c.Schedule.WarmUp}
			if v == "step" {
				c.Schedule.Parts, c.Schedule.Factor = 3, 0.5
			}
			return c.Schedule.Validate()
		}},
		{"warm-up", "share", "of the training over which the learning rate rises from 0 (default: none)", number(func(c *head.Config) *float64 { return &c.Schedule.WarmUp })},
		{"weight-decay", "rate", "weight decay of AdamW (default: by the method)", number(func(c *head.Config) *float64 { return &c.WeightDecay })},
		{"ema", "decay", "decay of the moving average of the weights (default: none)", number(func(c *head.Config) *float64 { return &c.EMA })},
		{"heads", "int", "heads trained at once, for their consensus or to keep the one of least loss (default: by the number of clusters)", integer(func(c *head.Config) *int { return &c.Heads })},
		{"dimensions", "int", "numbers of a learned representation (default: by the method)", integer(func(c *head.Config) *int { return &c.Dimensions })},
		{"hidden", "int", "width of a perceptron's hidden layer, 0 for a linear map (default: by the method)", integer(func(c *head.Config) *int { return &c.Hidden })},
		{"weight-norm", "bool", "weight-normalise the perceptron's last layer", truth(func(c *head.Config) *bool { return &c.WeightNorm })},
		{"temperature", "number", "of a cosine kernel (default: by the method)", number(func(c *head.Config) *float64 { return &c.Temperature })},
		{"perplexity", "number", "of Gaussian neighbours (default: by the method)", number(func(c *head.Config) *float64 { return &c.Perplexity })},
		{"freedom", "number", "degrees of freedom of Student's t (default: by the method)", number(func(c *head.Config) *float64 { return &c.Freedom })},
		{"tau-plus", "share", "share of negatives of one's own kind, for dcl (default: by the method)", number(func(c *head.Config) *float64 { return &c.Positive })},
		{"bank", "int", "representations that moco remembers (default: by the method)", integer(func(c *head.Config) *int { return &c.Bank })},
	}
}

func integer(field func(c *head.Config) *int) func(*head.Config, string) error {
	return func(c *head.Config, v string) (err error) {
		*field(c), err = strconv.Atoi(v)
		return err
	}
}

func number(field func(c *head.Config) *float64) func(*head.Config, string) error {
	return func(c *head.Config, v string) (err error) {
		*field(c), err = strconv.ParseFloat(v, 64)
		return err
	}
}

func truth(field func(c *head.Config) *bool) func(*head.Config, string) error {
	return func(c *head.Config, v string) (err error) {
		*field(c), err = strconv.ParseBool(v)
		return err
	}
}

// chosen is a setting as a flag of one value, understood when it is given.
type chosen struct {
	setting
	value string
	given bool
}

// Set keeps a value that the setting can understand. Methods and their clusters are judged later, together.
func (o *chosen) Set(v string) error {
	if o.name != "method" {
		if err := o.apply(new(head.Config), v); err != nil {
			if reason := errors.Unwrap(err); reason != nil { // without the name of the function that parsed it
				return reason
			}
			return err
		}
	}
	o.value, o.given = v, true
	return nil
}

func (o *chosen) String() string { return o.value }

// Type is the word that the flag's help shows.
func (o *chosen) Type() string { return o.kind }

// IsBoolFlag lets a setting that is true or false stand without a value.
func (o *chosen) IsBoolFlag() bool { return o.kind == "bool" }

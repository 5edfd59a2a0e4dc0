package run

import (
	"fmt"
	"strconv"

	"iconic/head"
)

// unsided is a note if sides, or alpha beside it, is among the values and has no effect beside the others: sides sets alpha or beta to 0, and a given beta
// comes after it. c is the configuration of the values. Sides that say what holds anyway are not noted.
func unsided(values map[string]string, c head.Config) []string {
	sides, given := values["sides"]
	alpha, alphaGiven := values["alpha"]
	beta, betaGiven := values["beta"]
	if !given {
		return nil
	}
	unset := !alphaGiven // and 0, so that there is no uniform share to take from a side
	if unset {
		preset, err := head.Preset(c.Method, c.Clusters)
		if err != nil {
			return nil
		}
		unset = preset.Text("alpha") == "0"
	}
	idle := func(reason string, args ...any) []string {
		return []string{fmt.Sprintf("sides %s has no effect: ", sides) + fmt.Sprintf(reason, args...)}
	}
	switch {
	case unset && (sides == "learned" || !betaGiven):
		return idle("alpha is 0 in %s unless it is given, so there is no uniform share", c.Method)
	case !betaGiven:
		return nil
	case sides == "learned" && alphaGiven && !equal(alpha, "0"):
		return []string{fmt.Sprintf("alpha %s has no effect: sides is learned, which makes it 0, and beta is %s", alpha, beta)}
	case sides == "target" && !equal(beta, "0"):
		return idle("it makes beta 0, but beta %s is given", beta)
	case sides == "both" && !equal(beta, c.Text("alpha")):
		return idle("it leaves beta as alpha, which is %s, but beta %s is given", c.Text("alpha"), beta)
	}
	return nil
}

// equal reports whether two texts are the same number.
func equal(a, b string) bool {
	x, err := strconv.ParseFloat(a, 64)
	y, other := strconv.ParseFloat(b, 64)
	return err == nil && other == nil && x == y
}

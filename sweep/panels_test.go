package sweep

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each α has a panel, on the side that is swept first; the title says the side unless there are both sides only.
func TestPanelsSayTheirSide(t *testing.T) {
	for name, c := range map[string]struct {
		alpha, sides []string
		want         []string
	}{
		"both sides by default": {[]string{"0", "0.2", "0.4"}, nil, []string{"α = 0", "α = 0.2", "α = 0.4"}},
		"the target side":       {[]string{"0", "0.3"}, []string{"target"}, []string{"α = 0", "α = 0.3 on the target side"}},
		"the learned side":      {[]string{"0.1", "0.3"}, []string{"learned"}, []string{"α = 0.1 on the learned side", "α = 0.3 on the learned side"}},
		"both sides first":      {[]string{"0", "0.2"}, []string{"both", "target"}, []string{"α = 0", "α = 0.2 on both sides"}},
		"the target side first": {[]string{"0.2", "0.4"}, []string{"target", "both"}, []string{"α = 0.2 on the target side", "α = 0.4 on the target side"}},
	} {
		o := planned()
		values := map[string][]string{"clusters": {"3"}, "method": {"debiased-infonce-clustering"}, "alpha": c.alpha, "sides": c.sides}
		if c.sides == nil {
			delete(values, "sides")
		}
		o.Combinations = Grid(values)
		_, titles := plan(t, o).mapped()
		if diff := cmp.Diff(c.want, titles); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Images without a class are coloured as such, not as those of the first class.
func TestPanelsKnowImagesWithoutAClass(t *testing.T) {
	o := swept(t)
	o.Seeds, o.Combinations = 1, Grid(map[string][]string{"clusters": {"3"}, "method": {"debiased-infonce-clustering"}, "epochs": {"1"}, "alpha": {"0", "0.4"}})
	o.Sets[0].Labels[4], o.Sets[0].Labels[29] = -1, -1
	panels, err := trained(t, o).panels(t.Context())
	must(t, err)
	for _, p := range panels {
		if !slices.Equal(p.Colour, o.Sets[0].Labels) {
			t.Errorf("%s: colours %v", p.Title, p.Colour)
		}
	}
	if len(panels) != 2 {
		t.Errorf("%d panels", len(panels))
	}
}

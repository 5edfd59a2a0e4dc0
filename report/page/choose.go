package page

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// sheet is the contact sheet of one cluster: the items to show.
type sheet struct {
	cluster            int
	sure, unsure, miss []int // most certain, least certain, wrong (the most certain of the wrong ones)
}

// pictureLimit is the maximum number of images on a page; more would be too small to see.
const pictureLimit = 2400

// contactSheets chooses the items to show for each non-empty cluster: at most the 8 most certain, 4 least certain and 4
// wrong ones, fewer if there are many clusters. No item appears twice in one strip, or as both most
// and least certain.
func (r *Run) contactSheets() []sheet {
	members := make([][]int, r.Metrics.Clusters)
	for i, c := range r.Cluster {
		members[c] = append(members[c], i)
	}
	share := pictureLimit * 2 / 3 / max(1, r.Metrics.ClustersUsed)
	most, few := min(8, max(1, share/2)), min(4, share/4)
	var list []sheet
	for c, m := range members {
		if len(m) == 0 {
			continue
		}
		slices.SortStableFunc(m, func(a, b int) int { return cmp.Compare(r.Confidence[b], r.Confidence[a]) })
		s := sheet{cluster: c, sure: m[:min(most, len(m))]}
		rest := m[len(s.sure):]
		s.unsure = slices.Clone(rest[len(rest)-min(few, len(rest)):])
		slices.Reverse(s.unsure)
		for _, i := range m {
			if len(s.miss) < few && r.wrong(i) {
				s.miss = append(s.miss, i)
			}
		}
		list = append(list, s)
	}
	return list
}

// pictured lists the items that get an image, without duplicates: those of the contact sheets, duplicates and outliers, then map points, or
// other items if there is no map, chosen at random up to the limit.
func (r *Run) pictured(sheets []sheet) []int {
	if r.Picture == nil {
		return nil
	}
	var list []int
	taken := make([]bool, len(r.Cluster))
	add := func(items ...int) {
		for _, i := range items {
			if !taken[i] && len(list) < pictureLimit {
				taken[i] = true
				list = append(list, i)
			}
		}
	}
	for _, s := range sheets {
		add(s.sure...)
		add(s.unsure...)
		add(s.miss...)
	}
	add(r.foundItems()...)
	var others []int
	if r.Map != nil {
		others = slices.Clone(r.Map.Rows)
	} else {
		others = make([]int, len(r.Cluster))
		for i := range others {
			others[i] = i
		}
	}
	rand.New(rand.NewPCG(1, 0)).Shuffle(len(others), func(a, b int) { others[a], others[b] = others[b], others[a] })
	add(others...)
	return list
}

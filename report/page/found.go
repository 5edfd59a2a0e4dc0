package page

import (
	"fmt"
	"strings"

	"iconic/internal/plural"
)

// Limits on the duplicates and outliers that a page shows; the tables beside it list all.
const (
	groupsShown  = 24
	membersShown = 8 // per group
	strayShown   = 24
)

// foundView is the section on duplicates and outliers.
type foundView struct {
	Lead   string
	Groups []groupView
	Strips []strip
}

type groupView struct {
	Name, Summary string
	Strip         strip
}

// foundItems lists the items that the section shows.
func (r *Run) foundItems() []int {
	if r.Found == nil {
		return nil
	}
	var list []int
	for g := range r.Found.Groups[:min(groupsShown, len(r.Found.Groups))] {
		list = append(list, r.group(g)...)
	}
	return append(append(list, r.unlike()...), r.elsewhere()...)
}

func (r *Run) group(g int) []int {
	var list []int
	for _, m := range r.Found.Groups[g][:min(membersShown, len(r.Found.Groups[g]))] {
		list = append(list, m.Image)
	}
	return list
}

func (r *Run) unlike() []int {
	var list []int
	for _, u := range r.Found.Unlike[:min(strayShown, len(r.Found.Unlike))] {
		list = append(list, u.Image)
	}
	return list
}

func (r *Run) elsewhere() []int {
	var list []int
	for _, s := range r.Found.Elsewhere[:min(strayShown, len(r.Found.Elsewhere))] {
		list = append(list, s.Image)
	}
	return list
}

// foundView is nil if duplicates and outliers were not searched for. Without images it gives counts only; the tables have the details.
func (r *Run) foundView(s *sprites, d *pageData) *foundView {
	if r.Found == nil {
		return nil
	}
	v := &foundView{Lead: r.foundLead()}
	if s == nil {
		return v
	}
	for g, group := range r.Found.Groups[:min(groupsShown, len(r.Found.Groups))] {
		exact := 0
		for _, m := range group[1:] {
			if m.Exact {
				exact++
			}
		}
		summary := items(len(group))
		if exact > 0 {
			summary += ", " + plural.Of(exact, "exact copy", "exact copies")
		}
		name := fmt.Sprintf("Group %d", g+1)
		v.Groups = append(v.Groups, groupView{name, summary, strip{name, r.tiles(r.group(g), s, d)}})
	}
	for _, list := range []struct {
		name  string
		items []int
	}{{"Unlike all others", r.unlike()}, {"Neighbours in another cluster", r.elsewhere()}} {
		if tiles := r.tiles(list.items, s, d); len(tiles) > 0 {
			v.Strips = append(v.Strips, strip{list.name, tiles})
		}
	}
	return v
}

// foundLead counts duplicates and outliers.
func (r *Run) foundLead() string {
	exact, near := r.Found.Copies()
	unlike, elsewhere := len(r.Found.Unlike), len(r.Found.Elsewhere)
	if exact+near+unlike+elsewhere == 0 {
		return "No duplicates and no outliers were found."
	}
	var copies []string
	if exact > 0 {
		copies = append(copies, plural.Of(exact, "image is an exact copy", "images are exact copies"))
	}
	switch {
	case near > 0 && exact > 0:
		copies = append(copies, plural.Of(near, "a near duplicate", "near duplicates"))
	case near > 0:
		copies = append(copies, plural.Of(near, "image is a near duplicate", "images are near duplicates"))
	}
	words := []string{"No duplicates were found."}
	if len(copies) > 0 {
		words[0] = strings.Join(copies, " and ") + " of others, in " + plural.Of(len(r.Found.Groups), "group", "groups") + "."
	}
	if unlike > 0 {
		words = append(words, plural.Of(unlike, "image is unlike", "images are unlike")+" all others: the distance to the 10th nearest neighbour is exceptionally large.")
	} else {
		words = append(words, "No image is unlike all others.")
	}
	if elsewhere > 0 {
		words = append(words, plural.Of(elsewhere, "image has", "images have")+" most of the 10 nearest neighbours in one other cluster.")
	} else {
		words = append(words, "No image has most of the 10 nearest neighbours in one other cluster.")
	}
	return strings.Join(append(words, "The complete lists are in duplicates.csv and outliers.csv, beside this page."), " ")
}

package curator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"iconic/curation"
	"iconic/head/kmeans"
	"iconic/matrix"
)

// preview is a computed split that has not been applied.
type preview struct {
	steps   int // steps taken before it
	cluster int
	centres curation.Centres
	images  []int // images of the second part, ascending
}

// previewed is the number of images of each part that the page receives.
const previewed = 60

// part is the page's view of one part of a split.
type part struct {
	Size   int      `json:"size"`
	Images []listed `json:"images"` // the most confident images
}

// split answers with the two parts into which a cluster would be split.
func (s *Curator) split(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		Steps   int `json:"steps"`
		Cluster int `json:"cluster"`
	}
	if err := json.NewDecoder(r.Body).Decode(&ask); err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("not a split: %w", err))
		return
	}
	s.splitting.Lock()
	defer s.splitting.Unlock()
	members, status, err := s.toSplit(ask.Steps, ask.Cluster)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.outdated(w, status, err)
		return
	}
	p, err := twoMeans(r.Context(), s.run.Features, members, s.run.Workers)
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err)
		return
	}
	p.steps, p.cluster = ask.Steps, ask.Cluster
	s.mu.Lock()
	defer s.mu.Unlock()
	s.preview = p
	answer(w, http.StatusOK, map[string]any{"steps": p.steps, "cluster": p.cluster, "parts": s.parts(p)})
}

// toSplit lists all images of a cluster, including those left out, ascending.
func (s *Curator) toSplit(steps, cluster int) (members []int, status int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.run.Features == nil:
		return nil, http.StatusUnprocessableEntity, errors.New("the features of this run are not available: nothing can be split")
	case steps != s.curation.Taken():
		return nil, http.StatusConflict, errChanged
	case !s.curation.Own(cluster):
		return nil, http.StatusNotFound, fmt.Errorf("there is no cluster %d", cluster)
	}
	for i, c := range s.curation.Of {
		if c == cluster {
			members = append(members, i)
		}
	}
	if len(members) < 2 {
		return nil, http.StatusUnprocessableEntity, fmt.Errorf("cluster %d cannot be split: it has %d images", cluster, len(members))
	}
	return members, 0, nil
}

// twoMeans splits images by k-means on their features. The larger part keeps the cluster's number. Images go to the nearer centre as
// stored, in float32, so that new images follow the same rule.
func twoMeans(ctx context.Context, f matrix.Features, members []int, workers int) (*preview, error) {
	rows := make([]int32, len(members))
	for k, i := range members {
		rows[k] = int32(i)
	}
	of := &matrix.Subset{Features: f, Rows: rows}
	result, err := kmeans.Cluster(ctx, of, kmeans.Options{Clusters: 2, Starts: 4, Workers: workers})
	if err != nil {
		return nil, fmt.Errorf("split: %w", err)
	}
	d := f.Dim()
	p := &preview{centres: curation.Centres{result.Centroids[:d:d], result.Centroids[d:]}}
	second := 0
	for _, a := range result.Assignment {
		second += int(a)
	}
	if 2*second > len(members) {
		p.centres[0], p.centres[1] = p.centres[1], p.centres[0]
	}
	const block = 4096
	x := make([]float32, block*d)
	for lo := 0; lo < len(members); lo += block {
		hi := min(lo+block, len(members))
		if err := errors.Join(ctx.Err(), of.Block(x[:(hi-lo)*d], lo, hi)); err != nil {
			return nil, fmt.Errorf("split: %w", err)
		}
		for k := lo; k < hi; k++ {
			if p.centres.Nearer(x[(k-lo)*d:(k-lo+1)*d]) == 1 {
				p.images = append(p.images, members[k])
			}
		}
	}
	if len(p.images) == 0 || len(p.images) == len(members) {
		return nil, errors.New("this cluster cannot be split: the features of all its images are equal")
	}
	return p, nil
}

// parts describes both parts with their first images; the caller holds the lock.
func (s *Curator) parts(p *preview) [2]part {
	second := make(map[int]bool, len(p.images))
	for _, i := range p.images {
		second[i] = true
	}
	s.arrange()
	var both [2]part
	for _, i := range s.members[p.cluster] {
		to := &both[0]
		if second[i] {
			to = &both[1]
		}
		if to.Size++; to.Size <= previewed {
			to.Images = append(to.Images, listed{Image: i, Path: s.run.Paths[i], Confidence: s.run.Confidence[i], Cluster: p.cluster})
		}
	}
	return both
}

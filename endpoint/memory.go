package endpoint

import (
	"errors"
	"net/http"

	"iconic/extract/pixels"
	"iconic/internal/budget"
)

// A request is light if its body and the memory for decoding it are small, as for phone pictures scaled for the web. Light and heavy
// requests have separate lanes, each with its share of the memory and its own decoders: however many heavy requests come, a light one is
// admitted.
const (
	lightBody = 1 << 20  // bytes
	lightCost = 24 << 20 // bytes, the cost of a picture of one and a half megapixels
)

// lane holds the resources of one kind of requests.
type lane struct {
	memory  *budget.Budget
	scratch chan *pixels.Scratch // one for each decoder
}

func newLane(memory int64, decoders int) *lane {
	l := &lane{memory: budget.New(memory), scratch: make(chan *pixels.Scratch, decoders)}
	for range decoders {
		l.scratch <- new(pixels.Scratch)
	}
	return l
}

// lanes divides memory and decoders: the light lane gets a quarter of the memory and all decoders that the heavy lane does not get.
func lanes(memory int64, decoders int) (light, heavy *lane) {
	busy := max(1, decoders/2)
	return newLane(memory-heavyShare(memory), max(1, decoders-busy)), newLane(heavyShare(memory), busy)
}

// heavyShare is the memory of the heavy lane.
func heavyShare(memory int64) int64 { return memory - memory/4 }

// held is memory that a request has taken from a lane.
type held struct {
	lane  *lane
	bytes int64
}

// take takes bytes from a lane, or refuses the request at once, since a waiting request would hold what others need.
func (l *lane) take(bytes int64) (*held, error) {
	ok, err := l.memory.TryTake(bytes)
	switch {
	case errors.Is(err, budget.ErrTooLarge):
		return nil, refuse(http.StatusRequestEntityTooLarge, "the image is too large for this server: %w", err)
	case err != nil:
		return nil, err
	case !ok:
		return nil, refuse(http.StatusTooManyRequests, "the memory for requests is in use: try again in a second")
	}
	return &held{l, bytes}, nil
}

// keep gives back everything beyond the given number of bytes.
func (h *held) keep(bytes int64) {
	if bytes < h.bytes {
		h.lane.memory.Give(h.bytes - bytes)
		h.bytes = bytes
	}
}

package endpoint

import (
	"errors"
	"net/http"

	"iconic/extract/pixels"
	"iconic/internal/budget"
)

// A request is light if its body and what decoding it takes are small, as for the pictures of a phone made for the web. Light and
// heavy requests have lanes of their own, each with a share of the memory and with decoders that nobody else takes: however many
// heavy ones come, a light one finds its place.
const (
	lightBody = 1 << 20  // bytes
	lightCost = 24 << 20 // bytes: a picture of one and a half megapixels
)

// lane is what one kind of requests may use at once.
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

// lanes share out memory and decoders: a quarter of the memory, and all decoders but those that the heavy ones have, to the light.
func lanes(memory int64, decoders int) (light, heavy *lane) {
	busy := max(1, decoders/2)
	return newLane(memory-heavyShare(memory), max(1, decoders-busy)), newLane(heavyShare(memory), busy)
}

// heavyShare is what heavy requests have of the memory.
func heavyShare(memory int64) int64 { return memory - memory/4 }

// held is memory that a request has taken from a lane.
type held struct {
	lane  *lane
	bytes int64
}

// take takes bytes from a lane, or refuses the request: at once, since whoever waits holds what others need.
func (l *lane) take(bytes int64) (*held, error) {
	ok, err := l.memory.TryTake(bytes)
	switch {
	case errors.Is(err, budget.ErrTooLarge):
		return nil, refuse(http.StatusRequestEntityTooLarge, "the image is too large for this server: %w", err)
	case err != nil:
		return nil, err
	case !ok:
		return nil, refuse(http.StatusTooManyRequests, "all memory for requests is taken: try again in a second")
	}
	return &held{l, bytes}, nil
}

// keep gives back all but so many bytes.
func (h *held) keep(bytes int64) {
	if bytes < h.bytes {
		h.lane.memory.Give(h.bytes - bytes)
		h.bytes = bytes
	}
}

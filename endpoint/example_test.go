package endpoint_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"iconic/classify"
	"iconic/endpoint"
	"iconic/extract/pixels"
)

// brightness replaces a run's model, from which endpoint.Of makes a Model: it puts dark images in cluster 0, and bright ones in cluster 1.
type brightness struct{}

func (brightness) Pixels() int { return 1 }

func (brightness) Prepare(_ context.Context, dst []float32, content []byte, _ int, _ *pixels.Scratch) error {
	m, err := png.Decode(bytes.NewReader(content))
	if err == nil {
		r, _, _, _ := m.At(0, 0).RGBA()
		dst[0] = float32(r) / 0xffff
	}
	return err
}

func (brightness) Classify(_ context.Context, prepared []float32, n int) ([]classify.Prediction, error) {
	all := make([]classify.Prediction, n)
	for i := range all {
		if all[i].Confidence = 1; prepared[i] > 0.5 {
			all[i].Choice = classify.Choice{Cluster: 1, Name: "bright", Confidence: 1}
		}
	}
	return all, nil
}

// A model is served until the context ends and the requests in progress are answered.
func ExampleEndpoint_Serve() {
	e, err := endpoint.New(brightness{}, endpoint.Options{}) // of a run: endpoint.New(endpoint.Of(model), …)
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	ctx, end := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- e.Serve(ctx, endpoint.Serving{Listener: listener, Drain: time.Second}) }()

	white := image.NewGray(image.Rect(0, 0, 8, 8))
	for i := range white.Pix {
		white.Pix[i] = 255
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, white); err != nil {
		log.Fatal(err)
	}
	answer, err := http.Post("http://"+listener.Addr().String(), "image/png", &picture)
	if err != nil {
		log.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(text))
	answer.Body.Close()
	end()
	fmt.Println(<-ended)
	// Output:
	// {"cluster":1,"name":"bright","confidence":1,"none_of_these":false}
	// <nil>
}

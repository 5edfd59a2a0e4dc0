package endpoint

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the metrics served at /metrics.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  prometheus.Histogram
	images   prometheus.Counter
	batches  prometheus.Histogram
}

func newMetrics(inside, waiting func() float64) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "iconic_requests_total", Help: "Requests to classify an image, and all that are refused, by HTTP status."}, []string{"status"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "iconic_request_seconds", Help: "Duration of a request, including its body.",
			Buckets: prometheus.ExponentialBuckets(0.005, 2, 14)}),
		images:  prometheus.NewCounter(prometheus.CounterOpts{Name: "iconic_images_encoded_total", Help: "Images encoded."}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "iconic_batch_images", Help: "Images per batch.", Buckets: prometheus.ExponentialBuckets(1, 2, 8)}),
	}
	m.registry.MustRegister(m.requests, m.seconds, m.images, m.batches,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "iconic_requests_inside", Help: "Requests being answered."}, inside),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "iconic_images_waiting", Help: "Images waiting for the encoder."}, waiting),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) answered(status int, d time.Duration) {
	m.requests.WithLabelValues(strconv.Itoa(status)).Inc()
	m.seconds.Observe(d.Seconds())
}

func (m *metrics) encoded(images int) {
	m.images.Add(float64(images))
	m.batches.Observe(float64(images))
}

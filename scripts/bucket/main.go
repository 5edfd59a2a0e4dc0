package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"iconic/extract/dataset"
)

type options struct {
	shared, model, forms string
	rounds, files        int
	delay                time.Duration
	least                float64
}

func main() {
	log.SetFlags(0)
	var o options
	flag.StringVar(&o.shared, "shared", "../shared", "folder of the reference data")
	flag.StringVar(&o.model, "model", "vit/dinov2.safetensors", "encoder, relative to -shared: small weights, or an ONNX file for 224 × 224 pixels")
	flag.StringVar(&o.forms, "forms", "tar,parquet,folders", "forms of the data to measure")
	flag.IntVar(&o.rounds, "rounds", 5, "number of runs from each source")
	flag.IntVar(&o.files, "files", 2000, "number of files in the class folders")
	flag.DurationVar(&o.delay, "delay", 0, "delay of each answer from the server")
	flag.Float64Var(&o.least, "least", 0.9, "fail if the rate from the bucket is below this share of that from disk; 0: never")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measure(ctx, o); err != nil {
		log.Fatal("bucket: ", err)
	}
}

// measure prepares the data and the server, and measures each form.
func measure(ctx context.Context, o options) (err error) {
	work, err := os.MkdirTemp("", "bucket-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	b := &bench{options: o, work: work, disk: filepath.Join(work, "disk"), served: filepath.Join(work, "served", "data"), pipeline: filepath.Join(work, "pipeline")}
	if err := errors.Join(os.MkdirAll(b.disk, 0o755), os.MkdirAll(b.served, 0o755), build(ctx, ".", b.pipeline, "./pipeline")); err != nil {
		return err
	}
	forms := strings.Split(o.forms, ",")
	for _, form := range forms {
		if err := b.prepare(ctx, form); err != nil {
			return fmt.Errorf("%s: %w", form, err)
		}
	}
	stop, err := b.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	fmt.Printf("| %s | images | images/s from disk | from S3 | ratio | time of the command | its processor time | with the server's |\n|---|---|---|---|---|---|---|---|\n", "form")
	var slow []string
	for _, form := range forms {
		ratio, err := b.compare(ctx, form)
		if err != nil {
			return fmt.Errorf("%s: %w", form, err)
		}
		if ratio < o.least {
			slow = append(slow, form)
		}
	}
	if slow != nil {
		return fmt.Errorf("from the bucket %s took more than the promise of %.0f %% allows", strings.Join(slow, ", "), 100*o.least)
	}
	return nil
}

// bench holds the folders and processes of the measurement.
type bench struct {
	options
	work, disk, served string
	pipeline           string
	env                []string // environment variables that point to the server
	server             int      // its process ID
}

func build(ctx context.Context, dir, out, what string) error {
	c := exec.CommandContext(ctx, "go", "-C", dir, "build", "-o", out, what)
	c.Stderr = os.Stderr
	return c.Run()
}

// prepare puts the data of a form on disk, and a copy where the server finds it.
func (b *bench) prepare(ctx context.Context, form string) error {
	archive := filepath.Join(b.shared, "data", "cifar100-test.tar")
	to := filepath.Join(b.disk, form)
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	var err error
	switch form {
	case "tar":
		err = copyFile(filepath.Join(to, "set.tar"), archive)
	case "parquet":
		c := exec.CommandContext(ctx, "go", "run", "./scripts/parquet", "-data", archive, "-out", filepath.Join(to, "test-00000-of-00001.parquet"))
		c.Stderr = os.Stderr
		err = c.Run()
	case "folders":
		err = unpack(ctx, archive, to, b.files)
	default:
		err = errors.New("want tar, parquet or folders")
	}
	if err != nil {
		return err
	}
	return os.CopyFS(filepath.Join(b.served, form), os.DirFS(to))
}

func copyFile(to, from string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}

// unpack writes the first images of a data set as files in class folders.
func unpack(ctx context.Context, data, to string, n int) (err error) {
	set, err := dataset.Open(ctx, data, dataset.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	for i := range min(n, len(set.Items)) {
		content, err := set.Read(i, nil)
		if err != nil {
			return err
		}
		name := filepath.Join(to, set.Classes[set.Items[i].Label], fmt.Sprintf("%05d.png", i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// serve starts the server, and the proxy if answers should be delayed.
func (b *bench) serve(ctx context.Context) (stop func(), err error) {
	binary := filepath.Join(b.work, "versitygw")
	if err := build(ctx, filepath.Join("scripts", "s3"), binary, "github.com/versity/versitygw/cmd/versitygw"); err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, err
	}
	const key, secret = "measurement", "measurement-secret"
	c := exec.CommandContext(ctx, binary, "--port", address, "--keep-alive", "--quiet", "posix", filepath.Dir(b.served))
	c.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+key, "ROOT_SECRET_KEY="+secret)
	if err := c.Start(); err != nil {
		return nil, err
	}
	b.server = c.Process.Pid
	stop = func() { _, _ = c.Process.Kill(), c.Wait() }
	for range 300 {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	endpoint := "http://" + address
	if b.delay > 0 {
		late := b.late(endpoint)
		endpoint = late.URL
		server := stop
		stop = func() { late.Close(); server() }
	}
	b.env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+key, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION=us-east-1", "AWS_EC2_METADATA_DISABLED=true")
	return stop, nil
}

// late is a proxy that delays answers.
func (b *bench) late(endpoint string) *httptest.Server {
	target, err := url.Parse(endpoint)
	if err != nil {
		panic(err) // the URL was built above
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }} // the signature covers the host
	forward.ErrorLog = log.New(io.Discard, "", 0)
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(b.delay)
		forward.ServeHTTP(w, r)
	}))
}

// result is the cost of one extraction.
type result struct {
	images    int
	rate      float64       // images/s
	wall      time.Duration // including listing
	processor time.Duration
	both      time.Duration // including the server's
}

// compare runs a form's extractions from disk and from the server in turns, and prints a line of the table.
func (b *bench) compare(ctx context.Context, form string) (ratio float64, err error) {
	places := [2]string{filepath.Join(b.disk, form), "s3://data/" + form}
	for _, place := range places { // fill caches and prepare the encoder
		if _, err := b.extract(ctx, place); err != nil {
			return 0, err
		}
	}
	var all [2][]result
	for round := range b.rounds {
		for k := range places {
			at := (k + round) % 2
			r, err := b.extract(ctx, places[at])
			if err != nil {
				return 0, err
			}
			all[at] = append(all[at], r)
		}
	}
	rate := func(r result) float64 { return r.rate }
	share := func(of func(result) time.Duration) float64 {
		seconds := func(r result) float64 { return of(r).Seconds() }
		return median(all[1], seconds) / median(all[0], seconds)
	}
	disk, remote := median(all[0], rate), median(all[1], rate)
	ratio = remote / disk
	fmt.Printf("| %s | %d | %.0f | %.0f | %.2f | %.2f | %.2f | %.2f |\n", form, all[0][0].images, disk, remote, ratio,
		share(func(r result) time.Duration { return r.wall }), share(func(r result) time.Duration { return r.processor }), share(func(r result) time.Duration { return r.both }))
	return ratio, nil
}

func median(all []result, of func(result) float64) float64 {
	values := make([]float64, len(all))
	for i, r := range all {
		values[i] = of(r)
	}
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// extract encodes all images of a data set again.
func (b *bench) extract(ctx context.Context, data string) (r result, err error) {
	out := filepath.Join(b.work, "store")
	args := []string{"extract", data, "--model", filepath.Join(b.shared, b.model), "--batch-images", "32", "--out", out, "--json"}
	if strings.HasSuffix(b.model, ".onnx") {
		args = append(args, "--resize", "224", "--crop", "224", "--mean", "0.5", "--std", "0.5")
	} else {
		args = append(args, "--attention-heads", "4", "--image-size", "42")
	}
	c := exec.CommandContext(ctx, b.pipeline, args...)
	c.Env = b.env
	var complaint strings.Builder
	c.Stderr = &complaint
	begun, before := time.Now(), processorTime(b.server)
	output, err := c.Output()
	wall := time.Since(begun)
	if err != nil {
		return r, fmt.Errorf("%w: %s", err, complaint.String())
	}
	var summary struct {
		Encoded int
		Seconds float64
	}
	if err := json.Unmarshal(output, &summary); err != nil {
		return r, err
	}
	own := c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	r = result{summary.Encoded, float64(summary.Encoded) / summary.Seconds, wall, own, own + processorTime(b.server) - before}
	return r, os.RemoveAll(out)
}

// processorTime is the CPU time of a process in hundredths of a second, as Linux reports it; 0 elsewhere.
func processorTime(pid int) time.Duration {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(content), ") ") // after the name
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(fields[11])
	system, _ := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond
}

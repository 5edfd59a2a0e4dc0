// Command attack measures `pipeline serve` under attack: 200 clients that send every hostile kind of request there is, each from an
// address of its own, beside 10 honest ones.
//
//	go run ./scripts/attack -pipeline bin/pipeline -run iconic-demo/run -picture iconic-demo/pictures/disc/0000.png
//
// It prints the table of docs/reliability.md, and fails where a promise made there is not held: peak memory within the budget and a
// fifth, no honest request lost, goroutines and descriptors back to where they were within ten seconds. It reads /proc, and so runs on
// Linux alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"time"
)

// budget is what --memory says.
const budget = 1_000_000_000

// options are the flags.
type options struct {
	pipeline, run, picture string
	quiet, attack          time.Duration
	clients, honest        int
	slower                 float64
}

func main() {
	log.SetFlags(0)
	var o options
	flag.StringVar(&o.pipeline, "pipeline", "bin/pipeline", "the command")
	flag.StringVar(&o.run, "run", "iconic-demo/run", "run folder to serve")
	flag.StringVar(&o.picture, "picture", "", "picture that honest clients send")
	flag.DurationVar(&o.quiet, "quiet", 30*time.Second, "how long the honest clients are alone")
	flag.DurationVar(&o.attack, "for", 5*time.Minute, "how long the attack lasts")
	flag.IntVar(&o.clients, "clients", 200, "hostile clients")
	flag.IntVar(&o.honest, "honest", 10, "honest clients")
	flag.Float64Var(&o.slower, "slower", 2, "fail if the honest requests' median is more than so many times the quiet one; 0: never")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := attack(ctx, o); err != nil {
		log.Fatal("attack: ", err)
	}
}

// attack serves a run, measures, and judges.
func attack(ctx context.Context, o options) error {
	picture, err := os.ReadFile(o.picture)
	if err != nil {
		return err
	}
	s, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer s.stop()
	crowd(ctx, s, picture, o.honest, 2*time.Second) // so that all is warm
	before, err := s.state()
	if err != nil {
		return err
	}
	quiet := crowd(ctx, s, picture, o.honest, o.quiet)
	enemies, err := besiege(ctx, s.address, o.clients)
	if err != nil {
		return err
	}
	under := crowd(ctx, s, picture, o.honest, o.attack)
	tally := enemies.end()
	after, back, err := s.settled(before)
	if err != nil {
		return err
	}
	fmt.Printf("| | quiet, %s | under attack, %s |\n|---|---|---|\n", o.quiet, o.attack)
	fmt.Printf("| honest requests, lost | %d, %d | %d, %d |\n", len(quiet.times)+quiet.lost, quiet.lost, len(under.times)+under.lost, under.lost)
	fmt.Printf("| honest requests a second | %.0f | %.0f |\n", float64(len(quiet.times))/o.quiet.Seconds(), float64(len(under.times))/o.attack.Seconds())
	fmt.Printf("| median, 99 %% | %.1f ms, %.1f ms | %.1f ms, %.1f ms |\n", ms(quiet.quantile(.5)), ms(quiet.quantile(.99)), ms(under.quantile(.5)), ms(under.quantile(.99)))
	fmt.Printf("| goroutines, descriptors | %d, %d | %d, %d after %.1f s |\n", before.goroutines, before.descriptors, after.goroutines, after.descriptors, back.Seconds())
	fmt.Printf("| peak memory | | %d MB of %d |\n\n", after.peak/1_000_000, budget/1_000_000)
	fmt.Printf("hostile requests, by kind and answer:\n%s", tally)
	for why, n := range under.reasons {
		fmt.Printf("lost: %d × %s\n", n, why)
	}
	return errors.Join(
		unless(after.peak <= budget/5*6, "peak memory of %d MB is more than the budget and a fifth", after.peak/1_000_000),
		unless(quiet.lost+under.lost == 0, "%d honest requests were lost", quiet.lost+under.lost),
		unless(back <= 10*time.Second, "goroutines and descriptors were not back to where they were after ten seconds"),
		unless(o.slower == 0 || under.quantile(.5) <= time.Duration(o.slower*float64(quiet.quantile(.5))), "the honest requests' median is more than %g times the quiet one", o.slower),
	)
}

func unless(held bool, format string, args ...any) error {
	if held {
		return nil
	}
	return fmt.Errorf(format, args...)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// server is a running `pipeline serve`.
type server struct {
	command         *exec.Cmd
	address, health string
}

// start serves the run and waits until it answers.
func start(ctx context.Context, o options) (*server, error) {
	s := &server{address: free(), health: free()}
	s.command = exec.CommandContext(ctx, o.pipeline, "serve", o.run, "--listen", s.address, "--health", s.health, "--memory", fmt.Sprint(budget), "--quiet")
	s.command.Stderr = os.Stderr
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	for range 600 {
		if r, err := http.Get("http://" + s.health + "/healthz"); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return s, nil
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.stop()
	return nil, errors.New("the server does not answer")
}

func (s *server) stop() {
	_ = s.command.Process.Signal(os.Interrupt)
	_ = s.command.Wait() // what it did was measured before
}

// free is an address of this machine that nothing listens on.
func free() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}

// answers are what honest clients got.
type answers struct {
	times   []time.Duration // sorted
	lost    int
	reasons map[string]int
}

func (a answers) quantile(q float64) time.Duration {
	if len(a.times) == 0 {
		return 0
	}
	return a.times[min(len(a.times)-1, int(q*float64(len(a.times))))]
}

func (a *answers) add(b answers) {
	a.times = append(a.times, b.times...)
	a.lost += b.lost
	for why, n := range b.reasons {
		a.reasons[why] += n
	}
	slices.Sort(a.times)
}

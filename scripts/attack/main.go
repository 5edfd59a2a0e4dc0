package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"time"
)

// budget is the value of --memory.
const budget = 1_000_000_000

// options are the flags.
type options struct {
	pipeline, run, picture string
	quiet, control, attack time.Duration
	clients, honest        int
	slower                 float64
	kinds                  string // regular expression
	besiege                string // address; if set, this process is the attackers'
}

func main() {
	log.SetFlags(0)
	var o options
	flag.StringVar(&o.pipeline, "pipeline", "bin/pipeline", "the command")
	flag.StringVar(&o.run, "run", "iconic-demo/run", "run folder to serve")
	flag.StringVar(&o.picture, "picture", "", "image that honest clients send")
	flag.DurationVar(&o.quiet, "quiet", 30*time.Second, "how long honest clients run without an attack")
	flag.DurationVar(&o.control, "control", 10*time.Second, "how long the attackers attack a server that refuses every request")
	flag.DurationVar(&o.attack, "for", 5*time.Minute, "how long the attack lasts")
	flag.IntVar(&o.clients, "clients", 200, "hostile clients")
	flag.IntVar(&o.honest, "honest", 10, "honest clients")
	flag.Float64Var(&o.slower, "slower", 2, "fail if the honest requests' median exceeds that without an attack by more than this factor; 0: never")
	flag.StringVar(&o.kinds, "kinds", "", "use only the kinds whose names match this regular expression")
	flag.StringVar(&o.besiege, "besiege", "", "only attack this address until standard input ends, and print its answers")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	do := attack
	if o.besiege != "" {
		do = besiege
	}
	if err := do(ctx, o); err != nil {
		log.Fatal("attack: ", err)
	}
}

// attack serves a run, measures, and checks the promises.
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
	crowd(ctx, s, picture, o.honest, 2*time.Second) // warm-up
	before, err := s.state()
	if err != nil {
		return err
	}
	var rows []phase
	for _, p := range []phase{{name: "quiet", long: o.quiet}, {name: "control", long: o.control, against: decoy}, {name: "under attack", long: o.attack, against: s.address}} {
		if p.long <= 0 {
			continue
		}
		if err := p.measure(ctx, s, o, picture); err != nil {
			return err
		}
		rows = append(rows, p)
	}
	after, back, err := s.settled(before)
	if err != nil {
		return err
	}
	print(rows)
	fmt.Printf("| goroutines, descriptors | %d, %d before | | %d, %d after %.1f s |\n", before.goroutines, before.descriptors, after.goroutines, after.descriptors, back.Seconds())
	fmt.Printf("| peak memory | | | %d MB of %d |\n\n", after.peak/1_000_000, budget/1_000_000)
	lost := 0
	for _, p := range rows {
		lost += p.honest.lost
		for why, n := range p.honest.reasons {
			fmt.Printf("lost, %s: %d × %s\n", p.name, n, why)
		}
	}
	under := rows[len(rows)-1]
	fmt.Printf("hostile requests by kind and answer:\n%s", under.tally)
	return errors.Join(
		unless(after.peak <= budget/5*6, "peak memory of %d MB is more than the budget and a fifth", after.peak/1_000_000),
		unless(lost == 0, "%d honest requests were lost", lost),
		unless(back <= 10*time.Second, "goroutines and descriptors were not back to where they were after ten seconds"),
		unless(o.slower == 0 || under.honest.quantile(.5) <= time.Duration(o.slower*float64(rows[0].honest.quantile(.5))), "the honest requests' median is more than %g times the quiet one", o.slower),
	)
}

// phase is a time in which honest clients send requests, with or without attackers.
type phase struct {
	name, against string
	long          time.Duration
	honest        answers
	tally         string
	server        time.Duration // CPU time
	attackers     time.Duration
}

// measure runs the phase.
func (p *phase) measure(ctx context.Context, s *server, o options, picture []byte) (err error) {
	before, err := s.processor()
	if err != nil {
		return err
	}
	end := func() error { return nil }
	if p.against != "" {
		if end, err = p.attack(ctx, o); err != nil {
			return err
		}
	}
	p.honest = crowd(ctx, s, picture, o.honest, p.long)
	after, err := s.processor()
	p.server = after - before
	return errors.Join(err, end())
}

// attack starts the attackers in a separate process with lower priority, and waits until they have started. end stops them.
func (p *phase) attack(ctx context.Context, o options) (end func() error, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, "nice", "-n", "10", self, "-besiege", p.against, "-clients", fmt.Sprint(o.clients), "-kinds", o.kinds)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("the attackers did not start: %w", err), in.Close(), c.Wait())
	}
	return func() error {
		closed := in.Close()
		tally, read := io.ReadAll(lines)
		err := errors.Join(closed, read, c.Wait())
		p.tally, p.attackers = string(tally), c.ProcessState.UserTime()+c.ProcessState.SystemTime()
		return err
	}, nil
}

// print prints the table of the phases.
func print(rows []phase) {
	line := func(name string, cell func(p phase) string) {
		fmt.Printf("| %s |", name)
		for _, p := range rows {
			fmt.Printf(" %s |", cell(p))
		}
		fmt.Println()
	}
	line("", func(p phase) string { return fmt.Sprintf("%s, %s", p.name, p.long) })
	line("---", func(phase) string { return "---" })
	line("honest requests, lost", func(p phase) string { return fmt.Sprintf("%d, %d", len(p.honest.times)+p.honest.lost, p.honest.lost) })
	line("honest requests a second", func(p phase) string { return fmt.Sprintf("%.0f", float64(len(p.honest.times))/p.long.Seconds()) })
	line("median, 90 %, 99 %", func(p phase) string {
		return fmt.Sprintf("%.1f, %.1f, %.1f ms", ms(p.honest.quantile(.5)), ms(p.honest.quantile(.9)), ms(p.honest.quantile(.99)))
	})
	line("processors taken by server, attackers", func(p phase) string {
		return fmt.Sprintf("%.2f, %.2f", p.server.Seconds()/p.long.Seconds(), p.attackers.Seconds()/p.long.Seconds())
	})
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
	_ = s.command.Wait() // its resource use was measured before
}

// free is an unused local address.
func free() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}

// answers are the answers that honest clients got.
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

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// client is an HTTP client that connects from its own loopback address.
func client(from string) *http.Client {
	dial := dialer(from)
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: dial.DialContext, MaxIdleConnsPerHost: 2}}
}

func dialer(from string) *net.Dialer {
	return &net.Dialer{Timeout: 10 * time.Second, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
}

// crowd runs honest clients that each send an image repeatedly, at most five times a second, for a given time.
func crowd(ctx context.Context, s *server, picture []byte, clients int, long time.Duration) answers {
	all := answers{reasons: map[string]int{}}
	var mu sync.Mutex
	var group sync.WaitGroup
	end := time.Now().Add(long)
	for i := range clients {
		group.Go(func() {
			c, own := client(fmt.Sprintf("127.0.0.%d", 10+i)), answers{reasons: map[string]int{}}
			defer c.CloseIdleConnections()
			for time.Now().Before(end) && ctx.Err() == nil {
				begun := time.Now()
				if why := ask(c, s.address, picture); why != "" {
					own.lost++
					own.reasons[why]++
				} else {
					own.times = append(own.times, time.Since(begun))
				}
				time.Sleep(200*time.Millisecond - time.Since(begun))
			}
			mu.Lock()
			defer mu.Unlock()
			all.add(own)
		})
	}
	group.Wait()
	return all
}

// ask sends one image, and says why if there is no answer.
func ask(c *http.Client, address string, picture []byte) string {
	r, err := c.Post("http://"+address+"/", "application/octet-stream", bytes.NewReader(picture))
	if err != nil {
		return err.Error()
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		return fmt.Sprintf("%s: %.100s", r.Status, b)
	}
	return ""
}

// siege is an attack in progress.
type siege struct {
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu    sync.Mutex
	count map[string]map[string]int // by kind, by answer
}

// decoy means the address of a server that refuses every request.
const decoy = "decoy"

// besiege attacks an address with equally many hostile clients of each kind until standard input ends. It prints a line once they have
// started, and the answers at the end.
func besiege(ctx context.Context, o options) error {
	kinds, err := kinds()
	if err != nil {
		return err
	}
	only, err := regexp.Compile(o.kinds)
	if err != nil {
		return err
	}
	if kinds = slices.DeleteFunc(kinds, func(k kind) bool { return !only.MatchString(k.name) }); len(kinds) == 0 {
		return fmt.Errorf("unknown kind of attack %s", o.kinds)
	}
	address := o.besiege
	if address == decoy {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		address = l.Addr().String()
		go refuse(l)
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &siege{cancel: cancel, count: map[string]map[string]int{}}
	for i := range o.clients {
		k := kinds[i%len(kinds)]
		from := fmt.Sprintf("127.0.%d.%d", 1+i/200, 1+i%200)
		s.group.Go(func() {
			for ctx.Err() == nil {
				answer := k.send(ctx, dialer(from), address)
				s.mu.Lock()
				if s.count[k.name] == nil {
					s.count[k.name] = map[string]int{}
				}
				s.count[k.name][answer]++
				s.mu.Unlock()
				if answer == "no connection" {
					time.Sleep(50 * time.Millisecond)
				}
			}
		})
	}
	fmt.Println("attacking")
	_, err = io.Copy(io.Discard, os.Stdin)
	fmt.Print(s.end())
	return err
}

// refuse answers every connection with status 429, a quarter of a second after its first bytes, until the listener is closed.
func refuse(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := c.Read(make([]byte, 4096)); err == nil {
				time.Sleep(250 * time.Millisecond)
				_, _ = io.WriteString(c, "HTTP/1.1 429 Too Many Requests\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") // the client may be gone
			}
		}()
	}
}

// end ends the attack and returns the answers.
func (s *siege) end() string {
	s.cancel()
	s.group.Wait()
	var b strings.Builder
	for _, kind := range slices.Sorted(maps.Keys(s.count)) {
		fmt.Fprintf(&b, "  %s:", kind)
		for _, answer := range slices.Sorted(maps.Keys(s.count[kind])) {
			fmt.Fprintf(&b, " %d × %s;", s.count[kind][answer], answer)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// post sends a complete request with this body and waits for the answer.
func post(body []byte) func(context.Context, *net.Dialer, string) string {
	head := fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", len(body))
	return raw(func(_ context.Context, c net.Conn) {
		if _, err := io.WriteString(c, head); err == nil {
			_, _ = c.Write(body) // the server may refuse it before its end
		}
	})
}

// raw connects, sends something, and reads the status of the answer. Ending the attack ends it.
func raw(send func(context.Context, net.Conn)) func(context.Context, *net.Dialer, string) string {
	return func(ctx context.Context, d *net.Dialer, address string) string {
		c, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			return "no connection"
		}
		defer c.Close()
		defer context.AfterFunc(ctx, func() { _ = c.Close() })()
		send(ctx, c)
		line, err := bufio.NewReader(c).ReadString('\n')
		if fields := strings.Fields(line); err == nil && len(fields) > 1 {
			return fields[1]
		}
		if ctx.Err() != nil {
			return "under way"
		}
		return "closed"
	}
}

// processor is the CPU time that the server has used.
func (s *server) processor() (time.Duration, error) {
	line, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.command.Process.Pid), "stat"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(line, []byte(") ")) // the process name may contain anything
	fields := strings.Fields(string(rest))
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/…/stat has %d fields", len(fields))
	}
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime, proc_pid_stat(5)
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	const second = 100 // USER_HZ
	return time.Duration(ticks) * time.Second / second, nil
}

// state is the server's resource use.
type state struct {
	goroutines, descriptors int
	peak                    int64 // bytes of memory
}

func (s *server) state() (state, error) {
	var x state
	process := filepath.Join("/proc", strconv.Itoa(s.command.Process.Pid))
	open, err := os.ReadDir(filepath.Join(process, "fd"))
	if err != nil {
		return x, err
	}
	x.descriptors = len(open)
	status, err := os.ReadFile(filepath.Join(process, "status"))
	if err != nil {
		return x, err
	}
	for line := range strings.Lines(string(status)) {
		if kB, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if x.peak, err = strconv.ParseInt(strings.Fields(kB)[0], 10, 64); err != nil {
				return x, err
			}
			x.peak <<= 10
		}
	}
	c := client("127.0.0.1") // its connection is counted both before and after
	defer c.CloseIdleConnections()
	r, err := c.Get("http://" + s.health + "/metrics")
	if err != nil {
		return x, err
	}
	defer r.Body.Close()
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		if n, ok := strings.CutPrefix(lines.Text(), "go_goroutines "); ok {
			if x.goroutines, err = strconv.Atoi(n); err != nil {
				return x, err
			}
		}
	}
	return x, lines.Err()
}

// settled waits until the server's resource use is back to its initial level, and returns the time taken: more than ten seconds if it never is.
func (s *server) settled(before state) (now state, took time.Duration, err error) {
	for begun := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		took = time.Since(begun)
		now, err = s.state()
		const slack = 4 // for connections of these requests and the runtime's own resources
		if err != nil || took > 10*time.Second || now.goroutines <= before.goroutines+slack && now.descriptors <= before.descriptors+slack {
			return now, took, err
		}
	}
}
